/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of keyholed: a table, one row each. Results go to standard output alone, talk to
 * standard error.
 */
#ifndef KEYHOLE_OPERATOR_H
#define KEYHOLE_OPERATOR_H

#include "../../caveats/errors.h"

enum operator_exit { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DENIED = 3 };

enum {
    OPERATOR_OPTIONS_MAX = 24, /* of one command, without --dir, --json and --help */
    OPERATOR_VALUES_MAX = 64,  /* of one repeated option */
    OPERATOR_OPERANDS_MAX = 4,
};

struct operator_option {
    const char *name;     /* "host": --host; NULL ends a table */
    char letter;          /* 'n' for -n as well, or 0 */
    const char *argument; /* "HOST", or NULL for a flag */
    bool repeat;          /* may be given more than once */
    const char *help;
};

struct invocation;

struct operator_command {
    const char *name;     /* "credential add" */
    const char *operands; /* for the usage line: "NAME", "[TOKEN-OR-ID | -]" */
    int operands_min, operands_max;
    const char *summary;  /* one line, for the list of commands */
    const char *text;     /* more, or NULL */
    const char *examples; /* lines of shell */
    const struct operator_option *option;
    bool json; /* takes --json */
    enum operator_exit (*run)(const struct invocation *invocation);
};

/* Every command there is, in the order of the help; NULL behind the last. */
const struct operator_command *operator_command_at(size_t index);

/* One command as it was called. */
struct invocation {
    const struct operator_command *command;
    const char *directory; /* --dir, or its default */
    bool json;
    struct invocation_values {
        const char *value[OPERATOR_VALUES_MAX];
        size_t count;
    } values[OPERATOR_OPTIONS_MAX]; /* as command->option */
    const char *operand[OPERATOR_OPERANDS_MAX];
    int operand_count;
};

/* All take names that the command's table has. */
bool invocation_flag(const struct invocation *invocation, const char *option);
const char *invocation_value(const struct invocation *invocation, const char *option); /* or NULL */
const struct invocation_values *invocation_values(const struct invocation *invocation,
                                                  const char *option);

/* "keyholed COMMAND: …" on standard error; returns EXIT_USAGE, and says how to get help. */
enum operator_exit usage_fault(const struct invocation *invocation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Returns EXIT_FAILED. */
enum operator_exit command_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The whole of main(). */
int operator_main(int argc, char **argv);

/* The commands; each table ends with name == NULL. */
extern const struct operator_command service_commands[];        /* init run check */
extern const struct operator_command reload_commands[];         /* reload */
extern const struct operator_command credential_commands[];     /* credential … */
extern const struct operator_command credential_set_commands[]; /* credential set */
extern const struct operator_command token_commands[];          /* mint revoke */
extern const struct operator_command policy_commands[];         /* policy … */
extern const struct operator_command explain_commands[];        /* explain */
extern const struct operator_command key_commands[];            /* key … ca show */
extern const struct operator_command master_key_commands[];     /* key change-master */
extern const struct operator_command backup_commands[];         /* backup, backup key */
extern const struct operator_command restore_commands[];        /* restore */
extern const struct operator_command audit_commands[];          /* audit tail, verify */
extern const struct operator_command audit_query_commands[];    /* audit query */
extern const struct operator_command status_commands[];         /* status */
extern const struct operator_command discharger_commands[];     /* discharger run, show */
extern const struct operator_command gateway_commands[];        /* gateway key nginx envoy */
extern const struct operator_command people_commands[];      /* user … invite authenticator … */
extern const struct operator_command attestation_commands[]; /* attestation … */
extern const struct operator_command completion_commands[];  /* completion */

#endif
