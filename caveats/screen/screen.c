/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether there is colour, how wide it is, and with what lines are drawn.
 */
#include "screen.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 20, WIDTH_MAX = 1000 };

bool
screen_colour_parse(const char *text, enum screen_colour *out)
{
    static const char *const names[] = {
        [SCREEN_AUTO] = "auto", [SCREEN_ALWAYS] = "always", [SCREEN_NEVER] = "never"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum screen_colour)i;
            return true;
        }
    }
    return false;
}

static bool
is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool
is_colourful(const struct screen_facts *facts, enum screen_colour wanted)
{
    if (wanted != SCREEN_AUTO)
        return wanted == SCREEN_ALWAYS;
    if (is_set(facts->no_color))
        return false;
    if (is_set(facts->clicolor_force) && strcmp(facts->clicolor_force, "0") != 0)
        return true;
    return facts->terminal && (facts->term == NULL || strcmp(facts->term, "dumb") != 0);
}

// By the name of the locale, as POSIX looks it up. Whether it is installed does not matter: it says
// what the terminal shows.
static bool
is_utf8(const struct screen_facts *facts)
{
    const char *name = is_set(facts->lc_all)     ? facts->lc_all
                       : is_set(facts->lc_ctype) ? facts->lc_ctype
                                                 : facts->lang;
    const char *charset = is_set(name) ? strchr(name, '.') : NULL;
    if (charset == NULL)
        charset = name; // LC_CTYPE=UTF-8, as macOS sends it along with ssh
    else
        charset++;
    return charset != NULL &&
           (strncasecmp(charset, "utf-8", 5) == 0 || strncasecmp(charset, "utf8", 4) == 0);
}

static unsigned
width_of(const struct screen_facts *facts)
{
    uint64_t columns = facts->window;
    if (!facts->terminal)
        return 0;
    if (columns == 0 && !bytes_to_u64(bytes_str(facts->columns), &columns))
        columns = WIDTH_DEFAULT;
    return columns < WIDTH_MIN ? WIDTH_MIN : columns > WIDTH_MAX ? WIDTH_MAX : (unsigned)columns;
}

void
screen_judge(const struct screen_facts *facts, enum screen_colour wanted, struct screen *out)
{
    *out = (struct screen){
        .terminal = facts->terminal,
        .colour = is_colourful(facts, wanted),
        .unicode = is_utf8(facts),
        .width = width_of(facts),
    };
}

void
screen_look(FILE *stream, enum screen_colour wanted, struct screen *out)
{
    struct winsize window = {0};
    int fd = fileno(stream);
    struct screen_facts facts = {
        .terminal = fd >= 0 && isatty(fd) == 1,
        .columns = getenv("COLUMNS"),
        .term = getenv("TERM"),
        .no_color = getenv("NO_COLOR"),
        .clicolor_force = getenv("CLICOLOR_FORCE"),
        .lc_all = getenv("LC_ALL"),
        .lc_ctype = getenv("LC_CTYPE"),
        .lang = getenv("LANG"),
    };
    if (facts.terminal && ioctl(fd, TIOCGWINSZ, &window) == 0)
        facts.window = window.ws_col;
    screen_judge(&facts, wanted, out);
}

const char *
screen_style(const struct screen *screen, enum screen_style style)
{
    static const char *const sequence[] = {
        [STYLE_NONE] = "\x1b[0m",  [STYLE_BOLD] = "\x1b[1m",   [STYLE_DIM] = "\x1b[2m",
        [STYLE_RED] = "\x1b[31m",  [STYLE_GREEN] = "\x1b[32m", [STYLE_YELLOW] = "\x1b[33m",
        [STYLE_CYAN] = "\x1b[36m",
    };
    return screen->colour ? sequence[style] : "";
}

const char *
screen_mark(const struct screen *screen, enum screen_mark mark)
{
    static const struct {
        const char *ascii, *unicode;
    } marks[] = {
        [MARK_BRANCH] = {"|- ", "├─ "}, [MARK_LAST] = {"`- ", "└─ "}, [MARK_TRUNK] = {"|  ", "│  "},
        [MARK_GAP] = {"   ", "   "},    [MARK_MORE] = {"~", "…"},     [MARK_ARROW] = {"->", "→"},
        [MARK_DOT] = {"*", "●"},
    };
    return screen->unicode ? marks[mark].unicode : marks[mark].ascii;
}
