/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of presets, and how its lists are read.
 */
#include "preset.h"

#include "../admin/suggest.h"

static const struct preset table[] = {
#define KH_PRESET(name_, hosts_, slots_, inject_, basic_user_, environment_, path_exceptions_,     \
                  token_prefix_, doc_, options_, probe_)                                           \
    {.name = (name_),                                                                              \
     .hosts = (hosts_),                                                                            \
     .slots = (slots_),                                                                            \
     .inject = (inject_),                                                                          \
     .basic_user = (basic_user_),                                                                  \
     .environment = (environment_),                                                                \
     .path_exceptions = (path_exceptions_),                                                        \
     .token_prefix = (token_prefix_),                                                              \
     .doc = (doc_),                                                                                \
     .options = (options_),                                                                        \
     .probe = (probe_)},
#include "../../schema/presets.def"
};

enum { COUNT = sizeof table / sizeof table[0] };

enum kh_err
preset_find(struct bytes name, const struct preset **out, struct fault *fault)
{
    struct suggestion suggestion;

    suggest_begin(&suggestion, name);
    for (size_t i = 0; i < COUNT; i++) {
        if (bytes_is(name, table[i].name)) {
            *out = &table[i];
            return KH_OK;
        }
        suggest_offer(&suggestion, bytes_str(table[i].name));
    }
    return fault_set(fault, KH_ERR_UNKNOWN, "there is no such preset%s", suggest_text(&suggestion));
}

size_t
preset_count(void)
{
    return COUNT;
}

const struct preset *
preset_at(size_t index)
{
    return index < COUNT ? &table[index] : NULL;
}

bool
preset_word(struct bytes *rest, struct bytes *word)
{
    while (rest->n > 0 && rest->p[0] == ' ')
        *rest = bytes_from(*rest, 1);
    return bytes_cut(rest, ' ', word) && word->n > 0;
}
