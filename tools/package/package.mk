# SPDX-License-Identifier: Apache-2.0
#
# Installing and packaging (tools/package/README.md, docs/guides/install.md).
#
#   make install            into PREFIX=/usr/local, below DESTDIR if there is one
#   make uninstall          takes the same files away again; state and a changed configuration stay
#   make deb                Debian packages: build/deb
#   make tarball            for other Linux systems: build/keyhole-VERSION-linux-ARCH.tar.gz
#   make check-packages     both, in clean roots: installed, the main job done, removed

PREFIX ?= /usr/local
prefix ?= $(PREFIX)
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
libexecdir ?= $(exec_prefix)/libexec
libdir ?= $(exec_prefix)/lib
includedir ?= $(prefix)/include
pkgconfigdir ?= $(libdir)/pkgconfig
datarootdir ?= $(prefix)/share
datadir ?= $(datarootdir)
mandir ?= $(datarootdir)/man
docdir ?= $(datarootdir)/doc/keyhole
# The system's own configuration is in /etc, also of what is in /usr/local.
sysconfdir ?= $(if $(filter /usr /usr/local,$(prefix)),/etc,$(prefix)/etc)
unitdir ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
bashdir ?= $(datadir)/bash-completion/completions
zshdir ?= $(datadir)/zsh/$(if $(filter /usr,$(prefix)),vendor-completions,site-functions)
fishdir ?= $(datadir)/fish/vendor_completions.d
DESTDIR ?=
INSTALL ?= install
INSTALL_PROGRAM ?= $(INSTALL) -m 755
INSTALL_DATA ?= $(INSTALL) -m 644

INSTALL_DIRECTORIES := prefix bindir libexecdir libdir includedir pkgconfigdir datadir mandir docdir sysconfdir \
    unitdir sysusersdir tmpfilesdir bashdir zshdir fishdir

# Where the tree is says nothing in what is built: another directory gives the same bytes.
CFLAGS += '-ffile-prefix-map=$(CURDIR)=.'

# Programs find their helpers beside themselves, so that an installation may be moved as a whole; where
# that is not how it lies, the place is compiled in.
LIBEXEC_FIXED := $(if $(filter $(patsubst %/,%,$(dir $(bindir)))/libexec,$(libexecdir)),,$(libexecdir)/keyhole)
LIBEXEC_HEADER := $(BUILD)/gen/libexec.h
hash := \#
LIBEXEC_LINE := $(if $(LIBEXEC_FIXED),$(hash)define KEYHOLE_LIBEXEC "$(LIBEXEC_FIXED)",/* beside the programs */)
ifneq ($(shell cat $(LIBEXEC_HEADER) 2>/dev/null),$(LIBEXEC_LINE))
$(LIBEXEC_HEADER): force
endif
$(LIBEXEC_HEADER):
	@mkdir -p $(@D)
	@printf '%s\n' '$(LIBEXEC_LINE)' > $@
LIBEXEC_OBJECTS := $(BUILD)/obj/broker/supervisor/spawn.o $(BUILD)/obj/client/room_spawn.o
$(LIBEXEC_OBJECTS): $(LIBEXEC_HEADER)
$(LIBEXEC_OBJECTS): CPPFLAGS += -include $(LIBEXEC_HEADER)
force:

# What is written when the programs are there, by themselves.
GENERATED := $(BUILD)/gen/package
$(GENERATED)/.made: $(PROGRAMS) tools/package/generate
	@mkdir -p $(@D)
	$(call quiet,GEN,$(@D))tools/package/generate $(BUILD)/bin $(@D)
	@touch $@

run_install = @V='$(V)' BUILD='$(BUILD)' GENERATED='$(GENERATED)' DESTDIR='$(DESTDIR)' VERSION='$(VERSION)' \
    INSTALL_PROGRAM='$(INSTALL_PROGRAM)' INSTALL_DATA='$(INSTALL_DATA)' \
    $(foreach d,$(INSTALL_DIRECTORIES),$(d)='$($(d))') tools/package/install $(1)

install: all $(GENERATED)/.made
	$(call run_install,install)

uninstall: $(GENERATED)/.made
	$(call run_install,uninstall)

deb:
	@tools/package/deb $(VERSION)

TARBALL_STAGE := $(BUILD)/tarball/stage
tarball: all $(GENERATED)/.made
	@rm -rf $(TARBALL_STAGE)
	@$(MAKE) --no-print-directory -s install prefix=/opt/keyhole sysconfdir=/etc DESTDIR='$(CURDIR)/$(TARBALL_STAGE)'
	@tools/package/tarball $(VERSION) $(TARBALL_STAGE)

check-packages:
	@tools/setup --package
	@$(MAKE) --no-print-directory deb tarball
	@tools/package/check $(VERSION)

.PHONY: install uninstall deb tarball check-packages force
