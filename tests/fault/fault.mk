# SPDX-License-Identifier: Apache-2.0
#
# What fails: each call in turn, and everything at once (docs/FAULTS.md).

# The Nth call of each kind fails: tests/fault/nth.h. Not part of any program that is installed.
FAULT_SOURCES := $(wildcard tests/fault/test_*.c)
FAULT_PROGRAMS := $(patsubst tests/fault/%.c,$(BUILD)/fault/%,$(FAULT_SOURCES))
FAULT_WRAPPED := $(shell sed -n 's/^NTH_CALL.//p' tests/fault/calls.def | cut -d, -f3)
FAULT_LINK := $(foreach f,$(FAULT_WRAPPED),-Wl$(comma)--wrap=$(f))
FAULT_SUPPORT := $(BUILD)/obj/tests/fault/nth.o $(BUILD)/obj/tests/fault/wraps.o $(BUILD)/obj/tests/fault/job.o
FAULT_ROOMS_authority := authority database admin broker core
FAULT_ROOMS_discharge := discharge webauthn http database admin broker core
FAULT_ROOMS_proxy := proxy http broker core
FAULT_ROOMS_library := keyhole broker core
EVERY ?=

define fault_rule
$(BUILD)/fault/test_$(1)%: $(BUILD)/obj/tests/fault/test_$(1)%.o $(FAULT_SUPPORT) \
    $(UNIT_SUPPORT) $(foreach a,$(FAULT_ROOMS_$(1)),$(call archive,$(a)))
	$$(link) $(FAULT_LINK) $(call libs,$(ALL_PACKAGES)) -pthread
endef
$(foreach room,authority proxy discharge library,$(eval $(call fault_rule,$(room))))

FAULT_SELECTED := $(if $(T),$(filter $(BUILD)/fault/test_$(T)%,$(FAULT_PROGRAMS)),$(FAULT_PROGRAMS))
fault: $(FAULT_SELECTED)
	@EVERY=$(EVERY) tests/run-fault $^

# Everything at once, for a while.
MINUTES ?= 20
soak: all $(SOFTAUTHN) $(TEST_KEYHOLE)
	@MINUTES=$(MINUTES) KEYHOLE_BUILD=$(CURDIR)/$(BUILD) \
	  tests/e2e/node_modules/node/bin/node --test tests/soak/soak.test.mjs

.PHONY: fault soak
