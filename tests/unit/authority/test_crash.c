/* SPDX-License-Identifier: Apache-2.0
 *
 * kill -9 in the middle of work: what was acknowledged is there afterwards, in the database and in
 * the audit log, and the broker starts.
 */
#include "fixture.h"

#include "../../../broker/authority/mint.h"
#include "../../../broker/authority/revoke_token.h"

#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 12 };

struct acknowledged {
    uint8_t token_id[TOKEN_ID_SIZE];
    bool revoked;
};

// Mints, revokes every other token, and says so once it is done.
static void
work(int out)
{
    static struct authority authority;
    struct master_key_source source = fixture_source();
    struct bytes name = BYTES("openai");
    struct mint_request request = {.credential = &name, .credential_count = 1, .lifetime_s = 60};
    struct fault fault = {0};

    if (authority_open(&authority, &source, clock_manual(FIXTURE_NOW), &fault))
        _exit(1);
    for (unsigned i = 0;; i++) {
        struct acknowledged done = {0};
        struct mint_result minted;
        struct revocation revocation;
        char id[2 * TOKEN_ID_SIZE + 1];
        if (mint(&authority, &request, &minted, &fault))
            _exit(2);
        memcpy(done.token_id, minted.token_id, TOKEN_ID_SIZE);
        mint_result_free(&minted);
        if (i % 2) {
            struct revoke_request revoke = {.id = bytes_of(id, sizeof id - 1)};
            if (!bytes_to_hex(bytes_of(done.token_id, TOKEN_ID_SIZE), id, sizeof id) ||
                revoke_by_operator(&authority, &revoke, &revocation, &fault))
                _exit(3);
            done.revoked = true;
        }
        if (write(out, &done, sizeof done) != sizeof done)
            _exit(4);
    }
}

static void
check(const struct authority *authority, struct bytes log, const struct acknowledged *done)
{
    char id[2 * TOKEN_ID_SIZE + 1];
    struct bytes token_id = bytes_of(done->token_id, TOKEN_ID_SIZE);
    struct token_identity identity = {.issued_at = FIXTURE_NOW, .principal = BYTES("operator")};
    static struct token_verified none;
    int64_t expires_at = 0;

    assert_ok(store_token_expiry(authority->store, token_id, &expires_at, fault));
    assert_true(bytes_to_hex(token_id, id, sizeof id));
    assert_true(bytes_find(log, bytes_str(id)) < log.n);
    memcpy(identity.token_id, done->token_id, TOKEN_ID_SIZE);
    assert_int_equal(revocations_reach(&authority->revocations, &identity, &none, BYTES("openai")),
                     done->revoked);
}

static void
nothing_acknowledged_is_lost(void **state)
{
    static struct acknowledged all[64 * ROUNDS];
    static struct authority authority;
    size_t count = 0;

    (void)state;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    authority_close(&authority);
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2], status;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            work(ends[1]);
        }
        close(ends[1]);
        // Killed when so many were heard of: somewhere in the middle of the next ones.
        for (int i = 0; i < 1 + 3 * round; i++) {
            ssize_t n = read(ends[0], &all[count], sizeof all[0]);
            assert_int_equal(n, sizeof all[0]);
            count++;
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        // What it had still said before it died was acknowledged as well.
        while (count < sizeof all / sizeof all[0] &&
               read(ends[0], &all[count], sizeof all[0]) == sizeof all[0])
            count++;
        close(ends[0]);

        struct buffer log;
        fixture_open(&authority);
        struct bytes whole = fixture_read(fixture_path("state/audit.log"), &log);
        for (size_t i = 0; i < count; i++)
            check(&authority, whole, &all[i]);
        buffer_free(&log);
        authority_close(&authority);
    }
    assert_true(count > ROUNDS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {fixture_test(nothing_acknowledged_is_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
