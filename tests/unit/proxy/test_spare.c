/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is used again: nothing of the request before is in it, and there is not much of it.
 */
#include "unit.h"

#include "../../../broker/proxy/exchange.h"
#include "../../../broker/proxy/spare.h"

static bool
is_clean(const struct buffer *b)
{
    bool clean = b->n == 0 && !b->failed && b->secret;
    for (size_t i = 0; clean && i < b->cap; i++)
        clean = b->p[i] == 0;
    return clean;
}

// What is read of memory that was never written would be said to be anything.
static void
fill(struct buffer *b, size_t n)
{
    uint8_t *room = buffer_reserve(b, n);
    assert_non_null(room);
    memset(b->p, 'k', b->cap);
    b->mark = b->cap;
    buffer_advance(b, n);
}

static void
test_an_exchange_comes_back_clean(void **state)
{
    struct spare spare = {0};
    (void)state;
    struct exchange *x = spare_take_exchange(&spare);
    assert_non_null(x);
    struct buffer *buffers[] = {&x->token,         &x->pool_key,       &x->decide,   &x->base_url,
                                &x->upstream_head, &x->collected_head, &x->collected};
    size_t max[COUNT(buffers)];
    for (size_t i = 0; i < COUNT(buffers); i++) {
        max[i] = buffers[i]->max;
        assert_true(max[i] > 0);
        fill(buffers[i], 300);
    }
    x->collected.failed = true;
    x->allowed = x->is_idempotent = true;
    memset(x->method, 'M', sizeof x->method);
    memset(x->request_id, 7, sizeof x->request_id);
    buffer_put(&x->destination.host, BYTES("a.example"));
    x->destination.kind = DESTINATION_UPSTREAM;
    x->destination.match.count = 1;
    spare_keep_exchange(&spare, x);
    assert_int_equal(spare.exchange_count, 1);

    assert_ptr_equal(spare_take_exchange(&spare), x);
    assert_int_equal(spare.exchange_count, 0);
    const struct destination *destination = &x->destination;
    assert_int_equal(destination->host.n, 0);
    assert_non_null(destination->host.p);
    assert_int_equal(destination->kind, DESTINATION_REFUSED);
    assert_int_equal(destination->match.count, 0);
    for (size_t i = 0; i < COUNT(buffers); i++) {
        assert_true(is_clean(buffers[i]));
        assert_non_null(buffers[i]->p); // that is what it is for
        assert_int_equal(buffers[i]->max, max[i]);
    }
    static const struct exchange zero;
    assert_memory_equal(x, &zero, offsetof(struct exchange, token));

    fill(&x->collected, SPARE_BUFFER_MAX + 1);
    spare_keep_exchange(&spare, x);
    assert_ptr_equal(spare_take_exchange(&spare), x);
    assert_null(x->collected.p); // too large to be kept
    spare_keep_exchange(&spare, x);
    spare_fini(&spare);
    assert_null(spare.exchange);
}

static void
test_a_draft_comes_back_clean(void **state)
{
    struct spare spare = {0};
    (void)state;
    struct exchange_draft *draft = spare_take_draft(&spare);
    assert_non_null(draft);
    struct buffer *buffers[] = {&draft->head, &draft->request.storage, &draft->request.edits};
    draft->request.edits.max = 4000; // as request_apply has it
    for (size_t i = 0; i < COUNT(buffers); i++)
        fill(buffers[i], 4000);
    draft->built = draft->foreign = true;
    draft->token.text = BYTES("kh1_");
    spare_keep_draft(&spare, draft);
    for (size_t i = 0; i < COUNT(buffers); i++) {
        assert_true(is_clean(buffers[i]));
        assert_non_null(buffers[i]->p);
    }
    assert_ptr_equal(spare_take_draft(&spare), draft);
    assert_false(draft->built || draft->foreign);
    assert_int_equal(draft->token.text.n, 0);
    spare_keep_draft(&spare, draft);
    spare_fini(&spare);
    assert_null(spare.draft);
}

static void
test_only_so_many_are_kept(void **state)
{
    static struct exchange *x[SPARE_EXCHANGES_MAX + 3];
    static struct exchange_draft *draft[SPARE_DRAFTS_MAX + 3];
    struct spare spare = {0};
    (void)state;
    for (size_t i = 0; i < COUNT(x); i++)
        assert_non_null(x[i] = spare_take_exchange(&spare));
    for (size_t i = 0; i < COUNT(draft); i++)
        assert_non_null(draft[i] = spare_take_draft(&spare));
    for (size_t i = 0; i < COUNT(x); i++)
        spare_keep_exchange(&spare, x[i]);
    for (size_t i = 0; i < COUNT(draft); i++)
        spare_keep_draft(&spare, draft[i]);
    assert_int_equal(spare.exchange_count, SPARE_EXCHANGES_MAX);
    assert_int_equal(spare.draft_count, SPARE_DRAFTS_MAX);
    spare_fini(&spare);
    assert_int_equal(spare.exchange_count, 0);
    assert_int_equal(spare.draft_count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_exchange_comes_back_clean),
        cmocka_unit_test(test_a_draft_comes_back_clean),
        cmocka_unit_test(test_only_so_many_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
