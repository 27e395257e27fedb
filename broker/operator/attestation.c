/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed attestation …: whose authenticators are trusted, and why one was or was not. Needs no
 * running broker. */
#include "admin.h"
#include "policy_file.h"
#include "terminal.h"

#include "../../caveats/base64.h"
#include "../../caveats/timestamp.h"
#include "../webauthn/webauthn.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PEM_MAX = 262144, REGISTRATION_MAX = 4 * WEBAUTHN_INPUT_MAX, ADDED_MAX = 256 };

static bool
roots_path(const struct invocation *invocation, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/discharger/roots", invocation->directory) < PATH_MAX;
}

/* ---- certificates ---- */

static const char *
certificate_kind(const struct webauthn_trust_certificate *row)
{
    return row->root ? "root" : "intermediate";
}

static json_t *
certificate_json(const struct webauthn_trust_certificate *row)
{
    char sha256[65] = "", expires[TIMESTAMP_SIZE];
    if (!bytes_to_hex(bytes_of(row->sha256, sizeof(row->sha256)), sha256, sizeof(sha256)))
        return NULL;
    timestamp_print(row->expires_at, expires);
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s}", "subject", row->subject, "kind",
                     certificate_kind(row), "yubico", row->yubico, "sha256", sha256, "expires_at",
                     expires, "file", row->file);
}

static void
certificate_show(const struct webauthn_trust_certificate *row)
{
    char expires[TIMESTAMP_SIZE];
    timestamp_print(row->expires_at, expires);
    printf("%-12s  %s%-8s%s  %.10s  ", certificate_kind(row), terminal_colour(stdout, COLOUR_GOOD),
           row->yubico ? "Yubico's" : "", terminal_colour(stdout, COLOUR_NONE), expires);
    terminal_print_safe(stdout, row->subject);
    if (row->expires_at < (int64_t)time(NULL))
        fputs("  (expired: trusted for nothing)", stdout);
    putchar('\n');
}

static void
certificates_show(const struct invocation *invocation,
                  const struct webauthn_trust_certificate *rows, size_t count)
{
    if (!invocation->json) {
        for (size_t i = 0; i < count; i++)
            certificate_show(&rows[i]);
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, certificate_json(&rows[i]));
    json_t *object = json_pack("{s:o}", "certificates", array);
    admin_print_json(object);
    json_decref(object);
}

/* ---- add-root ---- */

static enum operator_exit
add_root_run(const struct invocation *invocation)
{
    static struct webauthn_trust_certificate added[ADDED_MAX];
    char roots[PATH_MAX];
    struct fault fault = {0};
    size_t count = 0;
    const char *file = invocation->operand[0];
    const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
    BUFFER_AUTO pem;
    buffer_init(&pem, PEM_MAX + 8192);
    if (!roots_path(invocation, roots))
        return command_failed("%s: the name is too long", invocation->directory);
    if (policy_file_read_text(file, name, PEM_MAX, &pem, &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    if (webauthn_trust_add(roots, buffer_bytes(&pem), added, ADDED_MAX, &count, &fault) != KH_OK)
        return command_failed("%s: %s", name, fault.detail);
    certificates_show(invocation, added, count);
    fprintf(stderr, "%zu certificate%s in %s; the next registration is judged with %s\n", count,
            count == 1 ? "" : "s", roots, count == 1 ? "it" : "them");
    return EXIT_DONE;
}

/* ---- list ---- */

static enum operator_exit
list_run(const struct invocation *invocation)
{
    char roots[PATH_MAX];
    struct fault fault = {0};
    struct webauthn_trust *trust = NULL;
    if (!roots_path(invocation, roots))
        return command_failed("%s: the name is too long", invocation->directory);
    if (webauthn_trust_read(roots, &trust, &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    size_t count = webauthn_trust_count(trust);
    certificates_show(invocation, webauthn_trust_at(trust, 0), count);
    if (count == 0)
        fputs("no roots: no attestation is trusted. Add the maker's: keyholed attestation "
              "add-root FILE\n",
              stderr);
    webauthn_trust_free(&trust);
    return EXIT_DONE;
}

/* ---- check ---- */

struct check {
    struct webauthn_expectation expected;
    struct webauthn_rules rules;
    struct webauthn_trust *trust;
    struct buffer challenge;
    struct webauthn_registration_json registration;
    struct webauthn_credential credential;
    struct webauthn_verdict verdict;
};

static void
check_free(struct check *check)
{
    webauthn_trust_free(&check->trust);
    buffer_free(&check->challenge);
    webauthn_registration_free(&check->registration);
}

// base64url, with its padding or without.
static bool
challenge_read(const char *text, struct buffer *out)
{
    struct bytes digits = bytes_str(text);
    for (int i = 0; i < 2 && digits.n > 0 && digits.n % 4 != 1 && digits.p[digits.n - 1] == '=';
         i++)
        digits.n--;
    return base64_decode(BASE64_URL, digits, out) && out->n > 0;
}

static enum operator_exit
check_options(const struct invocation *invocation, struct check *check)
{
    static const char *const needed[] = {"rp-id", "origin", "challenge"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (invocation_value(invocation, needed[i]) == NULL ||
            invocation_value(invocation, needed[i])[0] == '\0')
            return usage_fault(invocation, "--%s is missing", needed[i]);
    if (!challenge_read(invocation_value(invocation, "challenge"), &check->challenge))
        return usage_fault(invocation, "--challenge: this is not base64url");
    check->expected = (struct webauthn_expectation){
        .rp_id = bytes_str(invocation_value(invocation, "rp-id")),
        .origin = bytes_str(invocation_value(invocation, "origin")),
        .challenge = buffer_bytes(&check->challenge),
        .verification = invocation_flag(invocation, "require-pin"),
    };
    return EXIT_DONE;
}

static enum operator_exit
check_rules(const struct invocation *invocation, struct check *check)
{
    char standard[PATH_MAX];
    struct fault fault = {0};
    const char *roots = invocation_value(invocation, "roots");
    if (roots == NULL && !roots_path(invocation, standard))
        return command_failed("%s: the name is too long", invocation->directory);
    if (webauthn_trust_read(roots != NULL ? roots : standard, &check->trust, &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    check->rules = (struct webauthn_rules){
        .trust = check->trust,
        .attestation =
            invocation_flag(invocation, "optional") ? ATTESTATION_OPTIONAL : ATTESTATION_REQUIRED,
        .now = (int64_t)time(NULL),
    };
    return EXIT_DONE;
}

static enum operator_exit
check_file(const struct invocation *invocation, struct check *check)
{
    struct fault fault = {0};
    const char *file = invocation->operand[0];
    const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
    BUFFER_AUTO text;
    buffer_init(&text, REGISTRATION_MAX + 8192);
    if (policy_file_read_text(file, name, REGISTRATION_MAX, &text, &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    if (webauthn_registration_read(buffer_bytes(&text), &check->registration, &fault) !=
        FAILURE_NONE)
        return command_failed("%s: this is no RegistrationResponseJSON: %s", name, fault.detail);
    return EXIT_DONE;
}

// As the discharger does: whoever asks for one credential must not enrol another.
static enum failure
check_id(struct check *check)
{
    struct webauthn_verdict *verdict = &check->verdict;
    if (bytes_equal(buffer_bytes(&check->registration.id),
                    bytes_of(check->credential.id, check->credential.id_n)))
        return FAILURE_NONE;
    verdict->failure = FAILURE_REQUEST_INVALID;
    snprintf(verdict->detail, sizeof(verdict->detail),
             "id is not the credential that the attestation speaks of");
    return verdict->failure;
}

static json_t *
credential_json(const struct webauthn_credential *credential)
{
    char aaguid[AAGUID_TEXT_SIZE], firmware[16];
    BUFFER_AUTO id;
    buffer_init(&id, 2 * WEBAUTHN_CREDENTIAL_ID_MAX);
    base64_encode(BASE64_URL, bytes_of(credential->id, credential->id_n), &id);
    webauthn_aaguid_print(credential->aaguid, aaguid);
    webauthn_firmware_print(credential->firmware, firmware);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:i, s:I, s:b, s:b, s:b}", "id", buffer_text(&id), "format",
                  credential->format, "aaguid", aaguid, "algorithm", credential->algorithm,
                  "counter", (json_int_t)credential->counter, "verified", credential->verified,
                  "attested", credential->attested, "yubikey", credential->yubikey);
    if (credential->firmware != 0)
        json_object_set_new(object, "firmware", json_string(firmware));
    return object;
}

static void
print_json(const struct check *check)
{
    const struct webauthn_verdict *verdict = &check->verdict;
    bool accepted = verdict->failure == FAILURE_NONE;
    json_t *steps = json_array();
    for (size_t i = 0; i < verdict->step_count; i++)
        json_array_append_new(
            steps, json_pack("{s:s, s:b, s:s}", "check", failure_code(verdict->step[i].check),
                             "passed", verdict->step[i].passed, "found", verdict->step[i].found));
    json_t *object = json_pack("{s:b, s:o}", "accepted", accepted, "steps", steps);
    if (accepted) {
        json_object_set_new(object, "credential", credential_json(&check->credential));
    } else {
        json_object_set_new(object, "error", json_string(failure_code(verdict->failure)));
        json_object_set_new(object, "message", json_string(failure_sentence(verdict->failure)));
        json_object_set_new(object, "detail", json_string(verdict->detail));
        json_object_set_new(object, "advice", json_string(failure_advice(verdict->failure)));
    }
    admin_print_json(object);
    json_decref(object);
}

static void
print_accepted(const struct webauthn_credential *credential)
{
    char aaguid[AAGUID_TEXT_SIZE], firmware[16];
    webauthn_aaguid_print(credential->aaguid, aaguid);
    webauthn_firmware_print(credential->firmware, firmware);
    printf("\n%saccepted%s: %s, AAGUID %s, firmware %s\n", terminal_colour(stdout, COLOUR_GOOD),
           terminal_colour(stdout, COLOUR_NONE),
           credential->yubikey    ? "a YubiKey"
           : credential->attested ? "attested, not a YubiKey"
                                  : "not attested",
           aaguid, credential->firmware != 0 ? firmware : "not known");
}

static void
print_refused(const struct webauthn_verdict *verdict)
{
    printf("\n%srefused%s: %s: %s\n", terminal_colour(stdout, COLOUR_BAD),
           terminal_colour(stdout, COLOUR_NONE), failure_code(verdict->failure),
           failure_sentence(verdict->failure));
    // What a step found stands there already.
    if (verdict->step_count == 0 || verdict->step[verdict->step_count - 1].passed)
        printf("  %s\n", verdict->detail);
    if (failure_advice(verdict->failure)[0] != '\0')
        printf("  %s\n", failure_advice(verdict->failure));
}

static void
print_text(const struct check *check)
{
    const struct webauthn_verdict *verdict = &check->verdict;
    for (size_t i = 0; i < verdict->step_count; i++) {
        const struct webauthn_step *step = &verdict->step[i];
        printf("%s%-6s%s  ", terminal_colour(stdout, step->passed ? COLOUR_GOOD : COLOUR_BAD),
               step->passed ? "ok" : "FAILED", terminal_colour(stdout, COLOUR_NONE));
        if (!step->passed)
            printf("%s: ", failure_code(step->check));
        puts(step->found);
    }
    if (verdict->failure == FAILURE_NONE)
        print_accepted(&check->credential);
    else
        print_refused(verdict);
}

static enum operator_exit
check_run(const struct invocation *invocation)
{
    struct check check = {0};
    buffer_init(&check.challenge, 1024);
    enum operator_exit status = check_options(invocation, &check);
    if (status == EXIT_DONE)
        status = check_rules(invocation, &check);
    if (status == EXIT_DONE)
        status = check_file(invocation, &check);
    if (status == EXIT_DONE) {
        enum failure failure = webauthn_register(
            &check.expected, &check.rules, buffer_bytes(&check.registration.client_data),
            buffer_bytes(&check.registration.attestation), &check.credential, &check.verdict);
        if (failure == FAILURE_NONE)
            failure = check_id(&check);
        if (invocation->json)
            print_json(&check);
        else
            print_text(&check);
        status = failure == FAILURE_NONE ? EXIT_DONE : EXIT_DENIED;
    }
    check_free(&check);
    return status;
}

/* ---- the table ---- */

static const struct operator_option check_options_table[] = {
    {"rp-id", 0, "R", false, "the site's name that it was made for: example.com"},
    {"origin", 0, "O", false, "the page's origin: https://example.com"},
    {"challenge", 0, "B64URL", false, "the challenge that it answers, base64url"},
    {"require-pin", 0, NULL, false, "a PIN or fingerprint must have been checked"},
    {"roots", 0, "DIR", false, "certificates (*.pem); default: those of add-root"},
    {"optional", 0, NULL, false, "attestation is not demanded"},
    {0},
};

const struct operator_command attestation_commands[] = {
    {
        .name = "attestation add-root",
        .operands = "FILE|-",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Trust a maker of authenticators, by its root certificates",
        .text =
            "FILE is PEM, with CA certificates alone: roots, which are trusted, and\n"
            "intermediates, which only complete chains (YubiKeys from firmware 5.7.4 on need\n"
            "Yubico's). Yubico publishes both: https://developers.yubico.com/PKI/.\n"
            "They go to DIR/discharger/roots, and the next registration is judged with them. An\n"
            "authenticator is a YubiKey when its chain ends in one of Yubico's published roots,\n"
            "known by their fingerprints.",
        .examples = "  keyholed attestation add-root yubico-roots.pem\n"
                    "  cat roots.pem intermediates.pem | keyholed attestation add-root -",
        .json = true,
        .run = add_root_run,
    },
    {
        .name = "attestation list",
        .operands = "",
        .summary = "List the certificates that attestations are judged by",
        .examples = "  keyholed attestation list",
        .json = true,
        .run = list_run,
    },
    {
        .name = "attestation check",
        .operands = "FILE|-",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Judge a registration, and print every check that was made",
        .text =
            "FILE is a RegistrationResponseJSON, as browsers' toJSON() writes it. Nothing is\n"
            "enrolled. The same checks in the same order as at an enrolment. Exit status 0 when\n"
            "it would be accepted, 3 when not.",
        .examples = "  keyholed attestation check --rp-id example.com \\\n"
                    "      --origin https://example.com --challenge Y2hhbGxlbmdl answer.json",
        .option = check_options_table,
        .json = true,
        .run = check_run,
    },
    {0},
};
