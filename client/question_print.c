/* SPDX-License-Identifier: Apache-2.0
 *
 * A question for a person to read.
 */
#include "question.h"

#include "../caveats/hole.h"
#include "../caveats/moment.h"
#include "../caveats/text.h"
#include "../caveats/timestamp.h"
#include "../caveats/words.h"

#include <string.h>

enum { QUESTION_COLUMN = 26 };

static void
question_put_caveat(struct buffer *out, struct bytes text, int64_t now)
{
    struct caveat *caveat = NULL;
    struct fault fault = {.err = KH_OK};
    if (caveat_parse(text, &caveat, &fault) != KH_OK) {
        text_put_safe(out, text);
        return;
    }
    words_put_caveat(out, caveat, now);
    caveat_free(&caveat);
}

static void
question_put_moment(struct buffer *out, struct bytes text, int64_t now)
{
    int64_t at = 0;
    text_put_safe(out, text);
    if (timestamp_parse(text, &at)) {
        buffer_put_str(out, ", ");
        moment_put_relative(out, at, now);
    }
}

// What is vouched for is shown as it stands in the token, and after it for how long.
static void
question_put_condition(struct buffer *out, struct bytes text, int64_t now)
{
    BUFFER_AUTO canonical;
    struct hole hole;
    struct fault fault = {.err = KH_OK};
    (void)now;
    buffer_init(&canonical, HOLE_TEXT_MAX);
    text_put_safe(out, text);
    if (hole_parse(text, &canonical, &hole, &fault) == KH_OK) {
        buffer_put_str(out, " (good for ");
        moment_put_span(out, hole.lifetime_s);
        buffer_put_str(out, ")");
    }
}

static void
question_put_value(struct buffer *out, const struct challenge_line *line, int64_t now)
{
    static const struct {
        enum challenge_key key;
        void (*put)(struct buffer *out, struct bytes text, int64_t now);
    } row[] = {
        {CHALLENGE_CONDITION, question_put_condition},
        {CHALLENGE_CAVEAT, question_put_caveat},
        {CHALLENGE_EXPIRES, question_put_moment},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        if (row[i].key == line->key) {
            row[i].put(out, line->value, now);
            return;
        }
    }
    text_put_safe(out, line->value);
}

void
question_print(const struct question *question, int64_t now, struct buffer *out)
{
    for (size_t i = 0; i < question->line_count; i++) {
        const struct challenge_line *line = &question->line[i];
        buffer_printf(out, "  %-*s ", QUESTION_COLUMN, challenge_key_label(line->key));
        question_put_value(out, line, now);
        buffer_put_byte(out, '\n');
    }
}
