/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static struct store *
create(void)
{
    struct store *store = NULL;
    assert_ok(store_create(fixture_path("db"), &store, fault));
    return store;
}

// ---- root keys ----

struct seen {
    size_t count;
    char text[2048];
};

static enum kh_err
see_root_key(void *context, const struct store_root_key *row, struct fault *fault)
{
    struct seen *seen = context;
    size_t n = strlen(seen->text);
    (void)fault;
    seen->count++;
    snprintf(seen->text + n, sizeof seen->text - n, "%u:%.*s:%lld:%lld ", row->id,
             BYTES_ARG(row->sealed), (long long)row->created_at, (long long)row->retired_at);
    return KH_OK;
}

static void
root_keys(void **state)
{
    struct store *store = create();
    struct store_root_key one = {.id = 1, .sealed = BYTES("first"), .created_at = 10};
    struct store_root_key two = {.id = 2, .sealed = BYTES("second"), .created_at = 20};
    struct store_root_key zero = {.id = 0, .sealed = BYTES("none"), .created_at = 20};
    struct seen seen = {0};

    (void)state;
    assert_ok(store_root_key_insert(store, &two, fault));
    assert_ok(store_root_key_insert(store, &one, fault));
    assert_fault(store_root_key_insert(store, &one, fault), KH_ERR_EXISTS, "root_key");
    assert_fault(store_root_key_insert(store, &zero, fault), KH_ERR_DATABASE, "CHECK");
    assert_ok(store_root_key_retire(store, 1, 30, fault));
    assert_fault(store_root_key_retire(store, 1, 31, fault), KH_ERR_NOT_FOUND, "");
    assert_fault(store_root_key_retire(store, 9, 31, fault), KH_ERR_NOT_FOUND, "");
    assert_ok(store_root_key_each(store, see_root_key, &seen, fault));
    assert_string_equal(seen.text, "1::10:30 2:second:20:0 ");
    store_close(&store);
}

// ---- credentials ----

static enum kh_err
see_credential(void *context, const struct store_credential *row, struct fault *fault)
{
    struct seen *seen = context;
    size_t n = strlen(seen->text), cap = sizeof seen->text;
    (void)fault;
    seen->count++;
    n += (size_t)snprintf(seen->text + n, cap - n, "%.*s %.*s %.*s [%.*s] %d%d%d%d %.*s %lld/%lld",
                          BYTES_ARG(row->name), BYTES_ARG(row->preset), BYTES_ARG(row->inject),
                          BYTES_ARG(row->upstream_ca), row->enabled, row->plain, row->scrub,
                          row->foreign_pass, BYTES_ARG(row->sealed), (long long)row->created_at,
                          (long long)row->rotated_at);
    for (int list = 0; list < STORE_LIST_COUNT; list++) {
        for (size_t i = 0; i < row->item_count[list]; i++)
            n += (size_t)snprintf(seen->text + n, cap - n, " %s=%.*s", store_list_name(list),
                                  BYTES_ARG(row->item[list][i]));
    }
    snprintf(seen->text + n, cap - n, "\n");
    return KH_OK;
}

static struct store_credential
example(int64_t id, const char *name)
{
    struct store_credential row = {
        .id = id,
        .name = bytes_str(name),
        .preset = BYTES(""),
        .inject = BYTES("basic"),
        .upstream_ca = BYTES("pem"),
        .enabled = true,
        .scrub = true,
        .sealed = BYTES("sealed"),
        .created_at = 5,
    };
    row.item[STORE_LIST_HOSTS][0] = BYTES("b.example");
    row.item[STORE_LIST_HOSTS][1] = BYTES("a.example");
    row.item[STORE_LIST_PATH_EXCEPTIONS][0] = BYTES("semicolon");
    row.item_count[STORE_LIST_HOSTS] = 2;
    row.item_count[STORE_LIST_PATH_EXCEPTIONS] = 1;
    row.item[STORE_LIST_OPTIONS][0] = BYTES("region=eu-west-1");
    row.item_count[STORE_LIST_OPTIONS] = 1;
    return row;
}

static void
credentials(void **state)
{
    struct store *store = create();
    struct store_credential zeta = example(7, "zeta"), alpha = example(8, "alpha");
    struct store_credential again = example(9, "zeta");
    struct seen seen = {0};

    (void)state;
    assert_ok(store_credential_insert(store, &zeta, fault));
    assert_ok(store_credential_insert(store, &alpha, fault));
    assert_fault(store_credential_insert(store, &again, fault), KH_ERR_EXISTS, "name");
    assert_ok(store_credential_enable(store, 8, false, fault));
    assert_ok(store_credential_rotate(store, 8, BYTES("again"), 99, fault));
    assert_fault(store_credential_enable(store, 9, false, fault), KH_ERR_NOT_FOUND, "");
    assert_fault(store_credential_rotate(store, 9, BYTES("x"), 1, fault), KH_ERR_NOT_FOUND, "");
    assert_ok(store_credential_each(store, see_credential, &seen, fault));
    assert_string_equal(seen.text,
                        "alpha  basic [pem] 0010 again 5/99 hosts=b.example hosts=a.example"
                        " path_exceptions=semicolon options=region=eu-west-1\n"
                        "zeta  basic [pem] 1010 sealed 5/0 hosts=b.example hosts=a.example"
                        " path_exceptions=semicolon options=region=eu-west-1\n");
    zeta.inject = BYTES("query:k");
    zeta.item[STORE_LIST_HOSTS][0] = BYTES("c.example");
    zeta.item_count[STORE_LIST_HOSTS] = 1;
    zeta.item_count[STORE_LIST_OPTIONS] = 0;
    zeta.scrub = !zeta.scrub;
    zeta.enabled = !zeta.enabled; // and the secret: of other commands
    zeta.sealed = BYTES("other");
    again.id = 12;
    assert_ok(store_credential_update(store, &zeta, fault));
    assert_fault(store_credential_update(store, &again, fault), KH_ERR_NOT_FOUND, "");
    seen = (struct seen){0};
    assert_ok(store_credential_each(store, see_credential, &seen, fault));
    assert_string_equal(seen.text,
                        "alpha  basic [pem] 0010 again 5/99 hosts=b.example hosts=a.example"
                        " path_exceptions=semicolon options=region=eu-west-1\n"
                        "zeta  query:k [pem] 1000 sealed 5/0 hosts=c.example"
                        " path_exceptions=semicolon\n");
    assert_ok(store_credential_remove(store, 8, fault));
    assert_fault(store_credential_remove(store, 8, fault), KH_ERR_NOT_FOUND, "");
    seen = (struct seen){0};
    assert_ok(store_credential_each(store, see_credential, &seen, fault));
    assert_int_equal(seen.count, 1);
    // Its lists went with it, so the name is free, lists and all.
    alpha.id = 10;
    assert_ok(store_credential_insert(store, &alpha, fault));
    store_close(&store);
}

static void
a_rolled_back_insert_leaves_nothing(void **state)
{
    struct store *store = create();
    struct store_credential row = example(7, "zeta");
    struct seen seen = {0};

    (void)state;
    assert_ok(store_begin(store, fault));
    assert_ok(store_credential_insert(store, &row, fault));
    store_rollback(store);
    assert_ok(store_credential_each(store, see_credential, &seen, fault));
    assert_int_equal(seen.count, 0);
    store_close(&store);
}

static void
removed_secrets_are_overwritten(void **state)
{
    struct store *store = create();
    struct store_credential row = example(7, "zeta");

    (void)state;
    row.sealed = BYTES("CANARY-0123456789-CANARY");
    row.item[STORE_LIST_HOSTS][0] = BYTES("canary-host.example");
    assert_ok(store_credential_insert(store, &row, fault));
    assert_ok(store_credential_remove(store, 7, fault));
    assert_ok(store_erase_removed(store, fault));
    assert_nowhere("CANARY-0123456789-CANARY");
    assert_nowhere("canary-host.example");
    store_close(&store);
}

// ---- tokens ----

static void
tokens(void **state)
{
    struct store *store = create();
    struct store_root_key key = {.id = 1, .sealed = BYTES("k"), .created_at = 1};
    struct bytes names[] = {BYTES("openai"), BYTES("github")}, labels[] = {BYTES("ci")};
    struct store_token row = {
        .id = BYTES("0123456789abcdef"),
        .key_id = 1,
        .user = BYTES("alice"),
        .issued_at = 10,
        .expires_at = 20,
        .credential = names,
        .credential_count = 2,
        .label = labels,
        .label_count = 1,
    };
    int64_t expires_at = 0;
    uint64_t count = 9;

    (void)state;
    assert_fault(store_token_insert(store, &row, fault), KH_ERR_DATABASE, "FOREIGN KEY");
    assert_ok(store_root_key_insert(store, &key, fault));
    assert_ok(store_token_count(store, &count, fault));
    assert_int_equal(count, 0);
    assert_ok(store_token_insert(store, &row, fault));
    assert_fault(store_token_insert(store, &row, fault), KH_ERR_EXISTS, "token");
    row.id = BYTES("short");
    assert_fault(store_token_insert(store, &row, fault), KH_ERR_DATABASE, "CHECK");
    row.id = BYTES("fedcba9876543210");
    row.expires_at = 10;
    assert_fault(store_token_insert(store, &row, fault), KH_ERR_DATABASE, "CHECK");
    assert_ok(store_token_expiry(store, BYTES("0123456789abcdef"), &expires_at, fault));
    assert_int_equal(expires_at, 20);
    assert_fault(store_token_expiry(store, row.id, &expires_at, fault), KH_ERR_NOT_FOUND, "token");
    assert_ok(store_token_count(store, &count, fault));
    assert_int_equal(count, 1);
    store_close(&store);
}

// ---- revocations ----

static enum kh_err
see_revocation(void *context, const struct store_revocation *row, struct fault *fault)
{
    struct seen *seen = context;
    size_t n = strlen(seen->text);
    (void)fault;
    seen->count++;
    snprintf(seen->text + n, sizeof seen->text - n, "%.*s %.*s %zu %lld %lld\n",
             BYTES_ARG(row->kind), BYTES_ARG(row->subject), row->token_id.n, (long long)row->at,
             (long long)row->expires_at);
    return KH_OK;
}

static void
revocations(void **state)
{
    struct store *store = create();
    struct store_revocation user = {
        .kind = BYTES("user"), .subject = BYTES("alice"), .at = 50, .expires_at = 500};
    struct store_revocation lineage = {.kind = BYTES("lineage"),
                                       .subject = BYTES("00"),
                                       .token_id = BYTES("0123456789abcdef"),
                                       .at = 50,
                                       .expires_at = 60};
    struct store_revocation unknown = {.kind = BYTES("moon"), .subject = BYTES("x")};
    struct seen seen = {0};

    (void)state;
    assert_ok(store_revocation_put(store, &user, fault));
    assert_ok(store_revocation_put(store, &lineage, fault));
    assert_fault(store_revocation_put(store, &unknown, fault), KH_ERR_DATABASE, "CHECK");
    // Never weaker than before.
    user.at = 40;
    user.expires_at = 600;
    assert_ok(store_revocation_put(store, &user, fault));
    assert_ok(store_revocation_each(store, see_revocation, &seen, fault));
    assert_string_equal(seen.text, "lineage 00 16 50 60\nuser alice 0 50 600\n");
    assert_ok(store_revocation_prune(store, 61, fault));
    seen = (struct seen){0};
    assert_ok(store_revocation_each(store, see_revocation, &seen, fault));
    assert_int_equal(seen.count, 1);
    store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(root_keys),
        fixture_test(credentials),
        fixture_test(a_rolled_back_insert_leaves_nothing),
        fixture_test(removed_secrets_are_overwritten),
        fixture_test(tokens),
        fixture_test(revocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
