/* SPDX-License-Identifier: Apache-2.0
 *
 * One question: made, moved from state to state, wiped.
 */
#include "question.h"

#include "../../caveats/base64.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// RFC 8628 section 6.1: no vowels, so that no word appears, and nothing that looks like a digit.
static const char code_letters[] = "BCDFGHJKLMNPQRSTVWXZ";

#define NO QUESTION_STATES
static const enum question_state steps[QUESTION_STATES][QUESTION_EVENTS] = {
    /* challenge, take, refuse, accept, decline, expire, collect */
    [QUESTION_ENDED] = {NO, NO, NO, NO, NO, NO, NO},
    [QUESTION_ASKED] = {QUESTION_CHALLENGED, NO, NO, NO, QUESTION_DECLINED, QUESTION_EXPIRED, NO},
    [QUESTION_CHALLENGED] = {QUESTION_CHALLENGED, QUESTION_JUDGING, NO, NO, QUESTION_DECLINED,
                             QUESTION_EXPIRED, NO},
    [QUESTION_JUDGING] = {NO, NO, QUESTION_ASKED, QUESTION_ANSWERED, NO, NO, NO},
    [QUESTION_ANSWERED] = {NO, NO, NO, NO, NO, NO, QUESTION_ENDED},
    [QUESTION_DECLINED] = {NO, NO, NO, NO, NO, NO, QUESTION_ENDED},
    [QUESTION_EXPIRED] = {NO, NO, NO, NO, NO, NO, QUESTION_ENDED},
};
#undef NO

static const enum failure endings[QUESTION_STATES] = {
    [QUESTION_ANSWERED] = FAILURE_NONE,
    [QUESTION_DECLINED] = FAILURE_DECLINED,
    [QUESTION_EXPIRED] = FAILURE_EXPIRED,
};

static void
make_code(char out[QUESTION_CODE_SIZE + 1])
{
    for (size_t i = 0; i < QUESTION_CODE_SIZE; i++)
        out[i] = i == 4 ? '-' : code_letters[randombytes_uniform(sizeof code_letters - 1)];
    out[QUESTION_CODE_SIZE] = '\0';
}

struct question *
question_new(enum challenge_purpose purpose, enum question_way way)
{
    struct question *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->purpose = purpose;
    q->way = way;
    q->state = QUESTION_ASKED;
    randombytes_buf(q->page, sizeof q->page);
    randombytes_buf(q->poll, sizeof q->poll);
    randombytes_buf(q->answer, sizeof q->answer);
    make_code(q->code);
    buffer_init(&q->text, CHALLENGE_TEXT_MAX);
    buffer_init(&q->sealed, TOKEN_CAVEAT_MAX);
    buffer_init(&q->parent, 2 * LINEAGE_ID_SIZE);
    buffer_init_secret(&q->discharge, 4 * TOKEN_CAVEAT_MAX);
    buffer_init(&q->user, DISCHARGE_USER_MAX);
    buffer_init(&q->name, DISCHARGE_NAME_MAX);
    return q;
}

void
question_free(struct question **question)
{
    struct question *q = *question;
    if (q == NULL)
        return;
    buffer_free(&q->text);
    buffer_free(&q->sealed);
    ticket_free(&q->ticket);
    hole_demand_free(&q->demand);
    buffer_free(&q->parent);
    buffer_free(&q->discharge);
    buffer_free(&q->user);
    buffer_free(&q->name);
    wipe(q, sizeof *q);
    free(q);
    *question = NULL;
}

bool
question_is_open(const struct question *question)
{
    return question->state == QUESTION_ASKED || question->state == QUESTION_CHALLENGED ||
           question->state == QUESTION_JUDGING;
}

bool
question_step(struct question *question, enum question_event event)
{
    enum question_state next = steps[question->state][event];
    if (next == QUESTION_STATES)
        return false;
    question->state = next;
    if (event == QUESTION_EVENT_CHALLENGE)
        randombytes_buf(question->nonce, sizeof question->nonce);
    if (question_is_open(question))
        return true;
    wipe(question->nonce, sizeof question->nonce);
    ticket_free(&question->ticket);
    if (endings[next] != FAILURE_UNSET)
        question->failure = endings[next];
    if (next == QUESTION_ENDED)
        buffer_free(&question->discharge);
    return true;
}

bool
question_digest(const struct question *question, uint8_t out[CHALLENGE_SIZE])
{
    return challenge_digest(question->purpose, buffer_bytes(&question->text), question->nonce, out);
}

void
question_id_print(const uint8_t id[QUESTION_ID_SIZE], struct buffer *out)
{
    base64_encode(BASE64_URL, bytes_of(id, QUESTION_ID_SIZE), out);
}

bool
question_id_read(struct bytes text, uint8_t out[QUESTION_ID_SIZE])
{
    BUFFER_AUTO raw;
    buffer_init(&raw, QUESTION_ID_SIZE);
    if (text.n != QUESTION_ID_TEXT || !base64_decode(BASE64_URL, text, &raw) ||
        raw.n != QUESTION_ID_SIZE)
        return false;
    memcpy(out, raw.p, QUESTION_ID_SIZE);
    return true;
}
