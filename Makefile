# SPDX-License-Identifier: Apache-2.0
#
#   make            the programs, in build/bin
#   make demo       install what is needed, build, and watch the main job
#   make check      install what is needed, build, run every test but the heavy ones
#   make check-all  and those as well: registries, large SDKs, gigabytes; and fuzzing, shortly
#   make unit       unit tests alone, in seconds; make unit T=caveats/token for one
#   make e2e        end-to-end tests alone; make e2e T=revoke for the files that match
#   make fuzz       every fuzz target for SECONDS=60; make fuzz T=http for some (docs/FUZZING.md)
#   make valgrind   unit tests under memcheck; make valgrind T=proxy/ for one room
#   make fault      every call fails in turn (tests/fault); make fault EVERY=20 takes a sample
#   make soak       everything at once, with accidents; make soak MINUTES=20
#   make mutants    the faults of docs/THREATS.md, put into the code: does a test notice?
#   make bench      install what is needed, and measure: build/bench/report.md; make bench B=kept for a part
#   make profile    where Keyhole's CPU time goes, by perf
#   make instructions   instructions for a request, by callgrind, against tests/instructions.json
#   make library    libkeyhole, shared and static: build/lib, build/include
#   make install    into PREFIX=/usr/local; and deb, tarball: tools/package/package.mk
#   make docs       pages that are made from tables: docs/presets, docs/METRICS.md, docs/man
#   make lint       formatting, static analysis, shell, manuals
#   make SANITIZE=address,undefined check
#   make V=1        shows the commands
#
# Every room is one archive, and a program links the rooms that it may know: a proxy that cannot be
# linked with the authority's code cannot call it.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

CC ?= cc
AR ?= ar
SANITIZE ?=
MEMCHECK ?=
BUILD ?= build$(if $(SANITIZE),/sanitize)$(if $(MEMCHECK),/memcheck)
VERSION := 0.1.0

# ---- flags: the OpenSSF hardening guide, each probed ----

probe = $(shell printf 'int main(void){return 0;}' | $(CC) -Werror $(1) -x c - -o /dev/null 2>/dev/null && echo '$(1)')

WARNINGS := -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
    -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wimplicit-fallthrough \
    $(if $(CI),-Werror)

# Probed once for a build directory, and not by the goals that may run before there is a compiler.
ifneq ($(filter-out setup check check-all check-packages valgrind bench demo docs lint format fuzz fuzz-built fuzz-coverage clean,$(or $(MAKECMDGOALS),all)),)
-include $(BUILD)/hardening.mk
endif
$(BUILD)/hardening.mk: Makefile
	@command -v $(CC) >/dev/null || { echo "there is no C compiler yet: run tools/setup" >&2; exit 1; }
	@mkdir -p $(@D)
	@printf 'HARDENING := %s\nHARDENING_LINK := %s\nLTO := %s\n' \
	  '$(strip $(foreach f,-fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
	     -mbranch-protection=standard -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3 \
	     -fzero-init-padding-bits=all -fno-delete-null-pointer-checks -fno-strict-overflow \
	     -fno-strict-aliasing -fPIE -Wformat-security -Wtrampolines -Wbidi-chars=any,$(call probe,$(f))))' \
	  '$(strip $(foreach f,$(if $(SANITIZE),-no-pie,-pie) -Wl$(comma)-z$(comma)relro -Wl$(comma)-z$(comma)now \
	     -Wl$(comma)-z$(comma)noexecstack -Wl$(comma)-z$(comma)nodlopen \
	     -Wl$(comma)--no-copy-dt-needed-entries,$(call probe,$(f))))' \
	  '$(if $(SANITIZE)$(MEMCHECK),,$(call probe,-flto=auto -ffat-lto-objects))' > $@
comma := ,

ifdef SANITIZE
# Zeroed locals would hide what was never set: here they are filled with a pattern. And programs have a
# fixed place: at a random one they may lie where AddressSanitizer wants its heap (kernels with
# vm.mmap_rnd_bits=32).
OPTIMISE := -O1 -g -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer \
    -ftrivial-auto-var-init=pattern -DKH_SANITIZE=1
LINK_SANITIZE := -fsanitize=$(SANITIZE)
else ifdef MEMCHECK
# Zeroed locals would be initialised ones to valgrind, and calls that are fortified have other names.
OPTIMISE := -O1 -g -fno-omit-frame-pointer -U_FORTIFY_SOURCE -ftrivial-auto-var-init=uninitialized \
    -DKH_MEMCHECK=1
else
OPTIMISE := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif

PACKAGES_CORE := libmacaroons libsodium libcrypto libidn2 jansson libcyaml yaml-0.1
PACKAGES_BROKER := libcyaml yaml-0.1 libevent_core libseccomp libcrypto libsodium
PACKAGES_HTTP := libevent_core libssl libcrypto
PACKAGES_PROXY := libevent_core libevent_pthreads libssl libcrypto libidn2 libsodium jansson
PACKAGES_AUTHORITY := sqlite3 jansson libevent_core libssl libcrypto libsodium
PACKAGES_OPERATOR := jansson libcrypto libsodium
PACKAGES_WEBAUTHN := libfido2 jansson libcrypto libsodium
PACKAGES_DISCHARGE := sqlite3 jansson libevent_core libssl libcrypto libsodium libfido2
PACKAGES_CLIENT := libcurl jansson libsodium libcrypto libfido2 libevent_core libssl libseccomp

ALL_PACKAGES := $(sort $(PACKAGES_CORE) $(PACKAGES_BROKER) $(PACKAGES_HTTP) $(PACKAGES_PROXY) \
    $(PACKAGES_AUTHORITY) $(PACKAGES_WEBAUTHN) $(PACKAGES_DISCHARGE) $(PACKAGES_OPERATOR) \
    $(PACKAGES_CLIENT) cmocka)
# libmacaroons' own .pc file lacks nothing but is not found on every release: its name is its flag.
PKG_CFLAGS := $(shell pkg-config --cflags $(ALL_PACKAGES) 2>/dev/null)
libs = $(shell pkg-config --libs $(1) 2>/dev/null)

CPPFLAGS := -D_GNU_SOURCE -DKEYHOLE_VERSION='"$(VERSION)"' $(PKG_CFLAGS)
CFLAGS = -std=c17 $(HARDENING) $(OPTIMISE) $(WARNINGS)
LDFLAGS = $(HARDENING_LINK) $(LINK_SANITIZE) -Wl,--as-needed

V ?=
quiet = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

# ---- rooms ----

sources = $(filter-out %/main.c,$(wildcard $(1)))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

CORE_SOURCES := $(call sources,caveats/*.c caveats/screen/*.c caveats/completion/*.c)
BROKER_SOURCES := $(call sources,broker/*.c)
HTTP_SOURCES := $(call sources,broker/http/*.c)
PROXY_SOURCES := $(call sources,broker/proxy/*.c)
DATABASE_SOURCES := $(call sources,broker/database/*.c)
ADMIN_SOURCES := $(call sources,broker/admin/*.c)
KEEP_SOURCES := $(call sources,broker/keep/*.c)
AUTHORITY_SOURCES := $(call sources,broker/authority/*.c broker/store/*.c)
WEBAUTHN_SOURCES := $(call sources,broker/webauthn/*.c)
DISCHARGE_SOURCES := $(call sources,broker/discharge/*.c)
SUPERVISOR_SOURCES := $(call sources,broker/supervisor/*.c)
OPERATOR_SOURCES := $(call sources,broker/operator/*.c)
CLIENT_SOURCES := $(call sources,client/*.c)
ROOM_SOURCES := $(call sources,client/room/*.c)

ARCHIVES := core broker database admin http proxy authority keep webauthn discharge supervisor operator \
    client room
archive = $(BUILD)/lib/lib$(1).a

define archive_rule
$(call archive,$(1)): $(call objects,$(2))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call quiet,AR,$$@)$$(AR) rcs $$@ $$^
endef
$(eval $(call archive_rule,core,$(CORE_SOURCES)))
$(eval $(call archive_rule,broker,$(BROKER_SOURCES)))
$(eval $(call archive_rule,database,$(DATABASE_SOURCES)))
$(eval $(call archive_rule,admin,$(ADMIN_SOURCES)))
$(eval $(call archive_rule,http,$(HTTP_SOURCES)))
$(eval $(call archive_rule,proxy,$(PROXY_SOURCES)))
$(eval $(call archive_rule,authority,$(AUTHORITY_SOURCES)))
$(eval $(call archive_rule,keep,$(KEEP_SOURCES)))
$(eval $(call archive_rule,webauthn,$(WEBAUTHN_SOURCES)))
$(eval $(call archive_rule,discharge,$(DISCHARGE_SOURCES)))
$(eval $(call archive_rule,supervisor,$(SUPERVISOR_SOURCES)))
$(eval $(call archive_rule,operator,$(OPERATOR_SOURCES)))
$(eval $(call archive_rule,client,$(CLIENT_SOURCES)))
$(eval $(call archive_rule,room,$(ROOM_SOURCES)))

$(BUILD)/obj/%.o: %.c $(BUILD)/hardening.mk
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# SQL migrations are compiled in: one C string each, in order.
$(BUILD)/gen/migrations.inc: $(sort $(wildcard schema/sql/*.sql)) tools/embed-sql
	@mkdir -p $(@D)
	tools/embed-sql schema/sql/*.sql > $@
$(BUILD)/gen/discharge_migrations.inc: $(sort $(wildcard schema/sql/discharge/*.sql)) tools/embed-sql
	@mkdir -p $(@D)
	tools/embed-sql schema/sql/discharge/*.sql > $@
$(BUILD)/obj/broker/store/sqlite_store.o: $(BUILD)/gen/migrations.inc
$(BUILD)/obj/broker/discharge/store_sqlite.o: $(BUILD)/gen/discharge_migrations.inc
$(BUILD)/obj/broker/discharge/%.o: CPPFLAGS += -I$(BUILD)/gen
$(BUILD)/obj/broker/store/%.o: CPPFLAGS += -I$(BUILD)/gen
$(BUILD)/obj/broker/keep/contents.o: $(BUILD)/gen/migrations.inc $(BUILD)/gen/discharge_migrations.inc
$(BUILD)/obj/broker/keep/%.o: CPPFLAGS += -I$(BUILD)/gen

# So are the pages of the discharger: templates, styles, scripts.
ASSETS := $(sort $(wildcard broker/discharge/assets/*))
$(BUILD)/gen/assets.inc: $(ASSETS) tools/embed-assets
	@mkdir -p $(@D)
	$(call quiet,GEN,$@)tools/embed-assets $(ASSETS) > $@
$(BUILD)/obj/broker/discharge/assets.o: $(BUILD)/gen/assets.inc
$(BUILD)/obj/broker/discharge/%.o: CPPFLAGS += -I$(BUILD)/gen

# ---- programs ----

PROGRAMS := $(BUILD)/bin/keyholed $(BUILD)/bin/keyhole \
    $(BUILD)/libexec/keyhole/keyhole-proxy $(BUILD)/libexec/keyhole/keyhole-authority \
    $(BUILD)/libexec/keyhole/keyhole-room \
    $(if $(wildcard broker/discharge/main.c),$(BUILD)/libexec/keyhole/keyhole-discharger)

all: $(PROGRAMS)

link = @mkdir -p $(@D); $(if $(V),,printf '  %-5s %s\n' LINK $@;) $(CC) $(CFLAGS) $(LDFLAGS) -fno-lto $(filter %.o %.a,$^) -o $@

# The two that every request goes through are optimised as a whole, since most of what they do is calls
# of small functions in other files (make bench B=kept shows what it brings). Their objects have ordinary
# code as well, for whatever else they are linked into. When gcc 12 sees all files at once it takes a
# pointer that was set by a call for a null pointer, and warns of lengths: those two warnings are off.
$(BUILD)/obj/caveats/%.o $(BUILD)/obj/broker/%.o: OPTIMISE += $(LTO)
link_whole = $(subst -fno-lto,$(LTO) -Wno-stringop-overread -Wno-stringop-overflow,$(link))

# Which room a program knows is said here and nowhere else.
$(BUILD)/bin/keyholed: $(BUILD)/obj/broker/main.o \
    $(call archive,operator) $(call archive,supervisor) $(call archive,webauthn) \
    $(call archive,broker) $(call archive,core)
	$(link) $(call libs,$(PACKAGES_OPERATOR) $(PACKAGES_WEBAUTHN) $(PACKAGES_BROKER) libidn2)

$(BUILD)/libexec/keyhole/keyhole-proxy: $(BUILD)/obj/broker/proxy/main.o \
    $(call archive,proxy) $(call archive,http) $(call archive,broker) $(call archive,core)
	$(link_whole) $(call libs,$(PACKAGES_PROXY) $(PACKAGES_BROKER)) -pthread

$(BUILD)/libexec/keyhole/keyhole-authority: $(BUILD)/obj/broker/authority/main.o \
    $(call archive,keep) $(call archive,authority) $(call archive,database) $(call archive,admin) \
    $(call archive,broker) $(call archive,core)
	$(link_whole) $(call libs,$(PACKAGES_AUTHORITY) $(PACKAGES_BROKER) $(PACKAGES_CORE))

$(BUILD)/libexec/keyhole/keyhole-discharger: $(BUILD)/obj/broker/discharge/main.o \
    $(call archive,discharge) $(call archive,webauthn) $(call archive,http) \
    $(call archive,database) $(call archive,admin) $(call archive,broker) $(call archive,core)
	$(link) $(call libs,$(PACKAGES_DISCHARGE) $(PACKAGES_BROKER) $(PACKAGES_CORE))

$(BUILD)/bin/keyhole: $(BUILD)/obj/client/main.o $(call archive,client) $(call archive,core)
	$(link) $(call libs,$(PACKAGES_CLIENT) $(PACKAGES_CORE))

# Without libraries: in a room that shows few files there may be none.
$(BUILD)/libexec/keyhole/keyhole-room: $(BUILD)/obj/client/room/main.o $(call archive,room)
	$(link) $(if $(SANITIZE),,-static-pie)

# ---- tests ----
#
# tests/unit/ROOM/test_FILE.c tests ROOM/FILE.c and links the archives of its room.

T ?=
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SOURCES))
# An archive: a test gets what it asks for.
UNIT_SUPPORT := $(call archive,support)
$(eval $(call archive_rule,support,$(wildcard tests/support/*.c)))

UNIT_ROOMS_support := core
UNIT_ROOMS_caveats := core
UNIT_ROOMS_screen := core
UNIT_ROOMS_completion := core
UNIT_ROOMS_http := http broker core
UNIT_ROOMS_broker := broker core
UNIT_ROOMS_proxy := proxy http broker core
UNIT_ROOMS_database := database broker core
UNIT_ROOMS_admin := admin broker core
UNIT_ROOMS_authority := authority database admin broker core
UNIT_ROOMS_keep := keep authority database admin broker core
UNIT_ROOMS_webauthn := webauthn broker core
UNIT_ROOMS_discharge := discharge webauthn http database admin broker core
UNIT_ROOMS_supervisor := supervisor broker core
UNIT_ROOMS_operator := operator supervisor webauthn broker core
UNIT_ROOMS_client := client core
UNIT_ROOMS_room := room
# The library as it is installed, and what tokens are made with.
UNIT_ROOMS_library := keyhole client core

define unit_rule
$(BUILD)/tests/$(1)/%: $(BUILD)/obj/tests/unit/$(1)/%.o $(UNIT_SUPPORT) \
    $(foreach a,$(UNIT_ROOMS_$(1)),$(call archive,$(a)))
	$$(link) $(call libs,$(ALL_PACKAGES)) -pthread
endef
$(foreach room,support caveats screen completion http broker database admin proxy authority keep webauthn \
    discharge supervisor operator client room library,\
    $(eval $(call unit_rule,$(room))))
.PRECIOUS: $(BUILD)/obj/%.o

# What a command has keyhole-authority do is played: tests/unit/operator/kept.h.
$(patsubst %,$(BUILD)/tests/operator/test_%,backup restore change_master): \
    LDFLAGS += -Wl,--wrap=keeper_run

# A client finds keyhole-room beside itself.
$(BUILD)/tests/libexec:
	@mkdir -p $(@D)
	@ln -sfn ../libexec $@
$(BUILD)/tests/client/test_room_start: | $(BUILD)/tests/libexec $(BUILD)/libexec/keyhole/keyhole-room

# A security key without hardware, for tests that run whole programs.
SOFTAUTHN := $(BUILD)/tests/bin/softauthn
$(SOFTAUTHN): $(BUILD)/obj/tests/support/softauthn/main.o $(UNIT_SUPPORT) $(call archive,core)
	$(link) $(call libs,libcrypto)

# Holds programs at their end, so that their memory can be looked at.
AT_EXIT := $(BUILD)/tests/bin/at-exit
$(AT_EXIT): $(BUILD)/obj/tests/support/at_exit/main.o
	$(link)

# Makes a process that runs try a system call (x86_64 and aarch64), and takes its walls away before.
INJECT := $(if $(filter x86_64 aarch64,$(shell uname -m)),$(BUILD)/tests/bin/inject $(BUILD)/tests/bin/no_walls.so)
$(BUILD)/tests/bin/inject: $(BUILD)/obj/tests/support/inject/main.o
	$(link) $(call libs,libseccomp)
$(BUILD)/tests/bin/no_walls.so: tools/bench/no_walls.c
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS) -std=c17 -O1 $(WARNINGS) -fPIC -shared $< -o $@

# Preloaded: ends a process at its Nth step.
KILL_AT := $(BUILD)/tests/bin/kill_at.so
$(KILL_AT): tests/support/kill_at/kill_at.c tests/support/steps.h
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS) -std=c17 -O1 $(WARNINGS) -fPIC -shared $< -o $@

# Our chain of signatures by itself, to be compared with other libraries.
MACAROONS := $(BUILD)/tests/bin/macaroons
$(MACAROONS): $(BUILD)/obj/tests/support/macaroons/main.o $(call archive,core)
	$(link) $(call libs,$(PACKAGES_CORE))

# The client with a transport to that key, instead of USB: one file is another one, and no program
# that is installed has it.
TEST_KEYHOLE := $(BUILD)/tests/bin/keyhole
$(BUILD)/obj/tests/fido_backend.o: client/fido_backend.c $(BUILD)/hardening.mk
	@mkdir -p $(@D)
	$(call quiet,CC,$< for tests)$(CC) $(CPPFLAGS) -DKEYHOLE_TEST_TRANSPORT $(CFLAGS) -MMD -MP -c $< -o $@
$(TEST_KEYHOLE): $(BUILD)/obj/client/main.o $(BUILD)/obj/tests/fido_backend.o \
    $(call archive,client) $(call archive,core)
	$(link) $(call libs,$(PACKAGES_CLIENT) $(PACKAGES_CORE))

include tools/package/package.mk
include client/library/library.mk
include tests/fuzz/fuzz.mk
include tests/fault/fault.mk

# "caveats/token" selects test_token and test_token_scan; "caveats/" the whole room.
UNIT_SELECTED := $(if $(T),$(filter $(BUILD)/tests/$(subst /,/test_,$(T))%,$(UNIT_PROGRAMS)),$(UNIT_PROGRAMS))

unit: $(UNIT_SELECTED)
	@BUILD=$(BUILD) tests/run-unit $^

# The same programs under memcheck, compiled so that it sees what was never set: build/memcheck.
valgrind:
	@$(MAKE) --no-print-directory MEMCHECK=1 valgrind-built
valgrind-built: $(UNIT_SELECTED)
	@BUILD=$(BUILD) tests/run-valgrind $^

e2e: all $(SOFTAUTHN) $(TEST_KEYHOLE) $(MACAROONS) $(AT_EXIT) $(INJECT) $(KILL_AT)
	@KEYHOLE_BUILD=$(CURDIR)/$(BUILD) tests/run-e2e $(T)

setup:
	@tools/setup

# Two steps, because a fresh machine has no pkg-config before the first one. What is compiled is
# compiled on all processors; the tests see to that themselves.
JOBS ?= $(shell nproc)
check: setup
	@$(MAKE) --no-print-directory -j$(JOBS) check-built
check-built: all
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory fault EVERY=$(or $(EVERY),23)
	@$(MAKE) --no-print-directory e2e

check-all:
	@tools/setup --all
	@$(if $(SANITIZE),,$(MAKE) --no-print-directory lint)
	@$(MAKE) --no-print-directory -j$(JOBS) check-built EVERY=1
	@KEYHOLE_BUILD=$(CURDIR)/$(BUILD) tests/run-e2e --heavy
	@$(if $(SANITIZE),,$(MAKE) --no-print-directory valgrind mutants instructions)
	@$(if $(SANITIZE),,$(MAKE) --no-print-directory check-packages)
	@$(if $(SANITIZE),,$(MAKE) --no-print-directory fuzz SECONDS=10)

demo: setup
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@KEYHOLE_BUILD=$(CURDIR)/$(BUILD) tools/demo

# ---- speed: docs/PERFORMANCE.md ----

B ?=
BENCH_SECONDS ?=
BENCH_ROUNDS ?=
QUICK ?=
FOR ?=
BENCH_PROGRAMS := $(SOFTAUTHN) $(TEST_KEYHOLE) $(BUILD)/bench/load $(BUILD)/bench/tokens

$(BUILD)/bench/tokens: $(BUILD)/obj/tools/bench/tokens.o $(call archive,core)
	$(link) $(call libs,$(PACKAGES_CORE))
$(BUILD)/bench/load: $(BUILD)/obj/tools/bench/load.o $(BUILD)/obj/tools/bench/load_connection.o
	$(link) $(call libs,libssl libcrypto)

# Two steps, as for check. What the driver says on stdout is of node:test, which nobody asked.
bench:
	@tools/setup --bench
	@$(MAKE) --no-print-directory bench-built
bench-built: bench-tools
	@KEYHOLE_BUILD=$(CURDIR)/$(BUILD) B=$(B) BENCH_SECONDS=$(BENCH_SECONDS) BENCH_ROUNDS=$(BENCH_ROUNDS) \
	  QUICK=$(QUICK) tests/e2e/node_modules/node/bin/node tools/bench/bench.mjs >/dev/null
profile: bench-tools
	@KEYHOLE_BUILD=$(CURDIR)/$(BUILD) BENCH_SECONDS=$(BENCH_SECONDS) FOR=$(FOR) \
	  tests/e2e/node_modules/node/bin/node tools/bench/profile.mjs >/dev/null
bench-tools: all $(BENCH_PROGRAMS)

# The same programs under callgrind: a directory like build, where the libexec programs are a script.
INSTRUCTIONS := $(BUILD)/instructions
UPDATE ?=
$(INSTRUCTIONS)/bin/%: $(BUILD)/bin/%
	@mkdir -p $(@D) && cp $< $@
$(INSTRUCTIONS)/libexec/keyhole/keyhole-discharger: $(BUILD)/libexec/keyhole/keyhole-discharger
	@mkdir -p $(@D) && cp $< $@
$(INSTRUCTIONS)/libexec/keyhole/%: tools/bench/under-callgrind $(BUILD)/libexec/keyhole/%
	@mkdir -p $(@D) && cp $< $@
$(INSTRUCTIONS)/no_walls.so: tools/bench/no_walls.c
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS) -std=c17 -O1 $(WARNINGS) -fPIC -shared $< -o $@
instructions: $(addprefix $(INSTRUCTIONS)/,bin/keyholed bin/keyhole no_walls.so \
    $(addprefix libexec/keyhole/keyhole-,proxy authority discharger))
	@KEYHOLE_BUILD=$(CURDIR)/$(INSTRUCTIONS) UPDATE=$(UPDATE) \
	  tests/e2e/node_modules/node/bin/node tools/bench/instructions.mjs >/dev/null

mutants:
	@BUILD=$(BUILD) tools/mutants

docs:
	@tools/presets-doc
	@tools/manuals-doc
	@tools/metrics-doc

lint:
	@tools/lint

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

compile_commands.json: Makefile
	bear -- $(MAKE) -B all

clean:
	rm -rf build compile_commands.json

.PHONY: all unit valgrind valgrind-built e2e setup check check-built check-all bench bench-built bench-tools profile instructions demo docs lint format clean
