# SPDX-License-Identifier: Apache-2.0
#
# libkeyhole: what the program keyhole is made of, for other programs (docs/LIBRARY.md).
#
#     build/lib/libkeyhole.so.1, .so, .a    build/include/keyhole.h    build/lib/pkgconfig/libkeyhole.pc
#
# Sources are compiled once more here, as position-independent code of which nothing is visible.

LIBRARY_SOURCES := $(wildcard client/library/*.c)
# Which parts of the program the library may be made of is said here and nowhere else; the linker takes
# what is used.
LIBRARY_CLIENT := $(addprefix client/,answer.c attenuate.c attenuate_warn.c caret.c cli_environment.c \
    convert.c discharge.c discharge_ask.c discharge_browser.c discharge_ssh.c discharge_way.c \
    dischargers.c fido_json.c files.c holes.c input_scan.c inspect.c inspect_json.c judge.c kept.c \
    moment.c process.c question.c question_print.c ssh_keys.c ssh_sign.c text.c)
LIBRARY_PACKAGES := libsodium libcrypto libidn2 jansson

pic_objects = $(patsubst %.c,$(BUILD)/pic/%.o,$(1))
$(BUILD)/pic/%.o: %.c $(BUILD)/hardening.mk
	@mkdir -p $(@D)
	$(call quiet,PIC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden \
	  -ffunction-sections -fdata-sections -MMD -MP -c $< -o $@
-include $(shell find $(BUILD)/pic -name '*.d' 2>/dev/null)

$(BUILD)/pic/libparts.a: $(call pic_objects,$(CORE_SOURCES) $(LIBRARY_CLIENT))
	@rm -f $@
	$(call quiet,AR,$@)$(AR) rcs $@ $^

# What is exported, by the map. Of a function that nobody can reach nothing is left, nor what it needs:
# neither libmacaroons, which makes macaroons and verifies them, nor the reader of policies.
library_map = client/library/lib$(1).map
library_names = $(shell sed -n 's/^ *\(keyhole_[a-z0-9_]*\);/\1/p' $(call library_map,$(1)))

# $(1): name; $(2): sources; $(3): packages; $(4): libraries of ours that it needs.
define library_rules
$(BUILD)/lib/lib$(1).so.1: $(call pic_objects,$(2)) $(BUILD)/pic/libparts.a \
    $(foreach l,$(4),$(BUILD)/lib/lib$(l).so) $(call library_map,$(1))
	@mkdir -p $$(@D)
	$$(call quiet,LINK,$$@)$(CC) $$(CFLAGS) -fno-lto -shared $$(filter-out -pie -no-pie -Wl$$(comma)-z$$(comma)nodlopen,$$(LDFLAGS)) \
	  -Wl,--gc-sections -Wl,-z,defs -Wl,-soname,$$(@F) \
	  -Wl,--version-script=$(call library_map,$(1)) $$(filter %.o %.a %.so,$$^) -o $$@ \
	  $$(call libs,$(3)) $$(LINK_SANITIZE)
$(BUILD)/lib/lib$(1).so: $(BUILD)/lib/lib$(1).so.1
	@ln -sf $$(<F) $$@

# One object, in which no name is left to clash with another's.
$(BUILD)/pic/lib$(1).o: $(call pic_objects,$(2)) $(BUILD)/pic/libparts.a $(call library_map,$(1))
	$$(call quiet,LINK,$$@)$(CC) -r -nostdlib -fno-lto -Wl,--gc-sections \
	  $$(foreach n,$$(call library_names,$(1)),-Wl,-u,$$(n)) $$(filter %.o %.a,$$^) -o $$@
	@objcopy $$(foreach n,$$(call library_names,$(1)),--keep-global-symbol=$$(n)) $$@
	@objcopy --strip-unneeded $$@
$(BUILD)/lib/lib$(1).a: $(BUILD)/pic/lib$(1).o
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call quiet,AR,$$@)$(AR) rcs $$@ $$^

# For where it is going to be installed, which each call of make may say anew.
$(BUILD)/lib/pkgconfig/lib$(1).pc: client/library/lib$(1).pc.in force
	@mkdir -p $$(@D)
	@sed -e 's|@PREFIX@|$(prefix)|' -e 's|@LIBDIR@|$(libdir)|' -e 's|@INCLUDEDIR@|$(includedir)|' \
	  -e 's|@VERSION@|$(VERSION)|' -e 's|@PRIVATE@|$(3)|' $$< > $$@
endef
$(eval $(call library_rules,keyhole,$(LIBRARY_SOURCES),$(LIBRARY_PACKAGES)))

version_part = $(word $(1),$(subst ., ,$(VERSION)))
$(BUILD)/include/keyhole.h: client/library/keyhole.h Makefile
	@mkdir -p $(@D)
	@sed -e 's/@VERSION_MAJOR@/$(call version_part,1)/' -e 's/@VERSION_MINOR@/$(call version_part,2)/' \
	  -e 's/@VERSION_PATCH@/$(call version_part,3)/' -e 's/@VERSION@/$(VERSION)/' $< > $@

LIBRARIES := keyhole
library: $(BUILD)/include/keyhole.h $(foreach l,$(LIBRARIES),$(BUILD)/lib/lib$(l).so \
    $(BUILD)/lib/lib$(l).a $(BUILD)/lib/pkgconfig/lib$(l).pc)
all: library

.PHONY: library
LIBRARY_TESTS := $(call objects,$(wildcard tests/unit/library/*.c) tests/fault/test_library_token.c)
$(LIBRARY_TESTS): CPPFLAGS += -I$(BUILD)/include
$(LIBRARY_TESTS): $(BUILD)/include/keyhole.h
