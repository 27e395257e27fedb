/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the audit log on standard output. */
#include "audit_output.h"

#include "terminal.h"

#include <errno.h>
#include <string.h>

void
audit_output_init(struct audit_output *output, const struct invocation *invocation)
{
    struct screen screen;
    terminal_look(stdout, &screen);
    output->json = invocation->json;
    audit_show_init(&output->show, &screen, invocation_flag(invocation, "utc"));
}

enum kh_err
audit_output_record(struct audit_output *output, struct bytes line, const json_t *record,
                    struct fault *fault)
{
    if (!json_is_object(record)) {
        fputs("keyholed: a line of the audit log is no record; see keyholed audit verify\n",
              stderr);
    } else if (output->json) {
        fwrite(line.p, 1, line.n, stdout);
        putchar('\n');
    } else {
        // A window may have become narrower since the last one.
        if (output->show.screen.terminal)
            terminal_look(stdout, &output->show.screen);
        audit_show_record(&output->show, stdout, record);
    }
    return ferror(stdout) ? fault_set(fault, KH_ERR_IO, "standard output cannot be written: %s",
                                      strerror(errno))
                          : KH_OK;
}

enum kh_err
audit_output_line(struct audit_output *output, struct bytes line, struct fault *fault)
{
    json_t *record = json_loadb((const char *)line.p, line.n, JSON_ALLOW_NUL, NULL);
    enum kh_err err = audit_output_record(output, line, record, fault);
    json_decref(record);
    return err;
}

enum operator_exit
audit_fault(enum kh_err err, const struct fault *fault)
{
    command_failed("%s", fault->detail);
    return err == KH_ERR_PERMISSION ? EXIT_DENIED : EXIT_FAILED;
}
