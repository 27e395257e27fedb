# SPDX-License-Identifier: Apache-2.0
#
# Fuzzing (docs/FUZZING.md). A target is tests/fuzz/NAME/target.c with NAME/seeds, and where it
# helps NAME/dict and NAME/found.
#
#   make fuzz               every target for SECONDS=60, on all processors (JOBS)
#   make fuzz T=http        those whose names contain it
#   make fuzz-coverage      what the inputs reach: tests/fuzz/COVERAGE.md
#   make unit T=fuzz/       seeds and what was found once, with any compiler

FUZZ_NAMES := $(patsubst tests/fuzz/%/target.c,%,$(wildcard tests/fuzz/*/target.c))
FUZZ_SUPPORT := $(BUILD)/obj/tests/fuzz/support.o $(BUILD)/obj/tests/fuzz/signer.o

# The rooms that a target links; most are of the core.
FUZZ_ROOMS := core
FUZZ_ROOMS_messages := broker core
FUZZ_ROOMS_http_request := http broker core
FUZZ_ROOMS_request_sent := authority http database admin broker core
FUZZ_ROOMS_http_response := http broker core
FUZZ_ROOMS_http_body := http broker core
FUZZ_ROOMS_problem := http broker core
FUZZ_ROOMS_field_place := http broker core
FUZZ_ROOMS_client_hello := http broker core
FUZZ_ROOMS_dns := proxy http broker core
FUZZ_ROOMS_scrub := proxy http broker core
FUZZ_ROOMS_websocket := proxy http broker core
FUZZ_ROOMS_token_answer := proxy http broker core
FUZZ_ROOMS_credential := authority database admin broker core
FUZZ_ROOMS_admin := admin broker core
FUZZ_ROOMS_channel := broker core
FUZZ_ROOMS_config := broker core
FUZZ_ROOMS_relayed := proxy http broker core
FUZZ_ROOMS_discharge := discharge webauthn http database admin broker core
FUZZ_ROOMS_cbor := webauthn broker core
FUZZ_ROOMS_registration := webauthn broker core
FUZZ_ROOMS_assertion := webauthn broker core
FUZZ_ROOMS_ssh_signature := webauthn broker core
fuzz_archives = $(foreach a,$(or $(FUZZ_ROOMS_$(1)),$(FUZZ_ROOMS)),$(call archive,$(a)))

define fuzz_rule
$(BUILD)/tests/fuzz/test_$(1): $(BUILD)/obj/tests/fuzz/$(1)/target.o $(BUILD)/obj/tests/fuzz/replay.o \
    $(FUZZ_SUPPORT) $(UNIT_SUPPORT) $(call fuzz_archives,$(1))
	$$(link) $(call libs,$(ALL_PACKAGES)) -pthread
$(BUILD)/fuzz/$(1): $(BUILD)/obj/tests/fuzz/$(1)/target.o $(BUILD)/obj/tests/fuzz/mutate.o \
    $(FUZZ_SUPPORT) $(UNIT_SUPPORT) $(call fuzz_archives,$(1))
	$$(link) -fsanitize=fuzzer $(call libs,$(ALL_PACKAGES)) -pthread
endef
$(foreach name,$(FUZZ_NAMES),$(eval $(call fuzz_rule,$(name))))

UNIT_PROGRAMS += $(patsubst %,$(BUILD)/tests/fuzz/test_%,$(FUZZ_NAMES))

# The same Makefile with another compiler, in a directory of its own.
SECONDS ?= 60
FUZZ_BUILD := build/fuzz
FUZZ_COVERAGE_BUILD := build/fuzz-coverage
FUZZ_SELECTED := $(foreach name,$(FUZZ_NAMES),$(if $(findstring $(or $(T),$(name)),$(name)),$(name)))

# Clang's warnings are other ones than gcc's, and no errors: CI is empty here.
fuzz:
	@tools/setup --fuzz
	@$(MAKE) --no-print-directory fuzz-built
	@tests/fuzz/run $(FUZZ_BUILD)/fuzz $(SECONDS) $(JOBS) $(FUZZ_SELECTED)
fuzz-built:
	@command -v clang >/dev/null || { echo "there is no clang: run tools/setup --fuzz" >&2; exit 1; }
	@$(MAKE) -j$(JOBS) --no-print-directory CC=clang CI= BUILD=$(FUZZ_BUILD) \
	  SANITIZE=fuzzer-no-link,address,undefined fuzz-targets
fuzz-targets: $(patsubst %,$(BUILD)/fuzz/%,$(FUZZ_SELECTED))
	@:
fuzz-coverage:
	@command -v clang >/dev/null || { echo "there is no clang: run tools/setup --fuzz" >&2; exit 1; }
	@$(MAKE) -j$(JOBS) --no-print-directory CC=clang CI= BUILD=$(FUZZ_COVERAGE_BUILD) T= SANITIZE= \
	  OPTIMISE='-O1 -g -fprofile-instr-generate -fcoverage-mapping' \
	  LINK_SANITIZE='-fprofile-instr-generate -fcoverage-mapping' \
	  $(patsubst %,$(FUZZ_COVERAGE_BUILD)/tests/fuzz/test_%,$(FUZZ_NAMES))
	@tests/fuzz/coverage $(FUZZ_COVERAGE_BUILD) $(FUZZ_BUILD)/fuzz $(FUZZ_NAMES)

.PHONY: fuzz fuzz-built fuzz-targets fuzz-coverage
