/* SPDX-License-Identifier: Apache-2.0 */
/* Prompts without echo, and output that is safe to look at. */
#include "terminal.h"

#include "../read_all.h"

#include "../../caveats/text.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static enum screen_colour colour_wanted;

void
terminal_choose_colour(enum screen_colour wanted)
{
    colour_wanted = wanted;
}

void
terminal_look(FILE *stream, struct screen *out)
{
    screen_look(stream, colour_wanted, out);
}

const char *
terminal_colour(FILE *stream, enum terminal_colour colour)
{
    static const enum screen_style style[] = {
        [COLOUR_NONE] = STYLE_NONE, [COLOUR_GOOD] = STYLE_GREEN,  [COLOUR_BAD] = STYLE_RED,
        [COLOUR_DIM] = STYLE_DIM,   [COLOUR_STRONG] = STYLE_BOLD,
    };
    struct screen screen;
    terminal_look(stream, &screen);
    return screen_style(&screen, style[colour]);
}

void
terminal_print_safe(FILE *stream, const char *text)
{
    BUFFER_AUTO safe;
    size_t n = strlen(text);
    buffer_init(&safe, 10 * n + 64); // at most ten characters for a byte
    text_put_safe(&safe, bytes_of(text, n));
    fputs(buffer_text(&safe), stream);
}

/* ---- secrets ---- */

static enum kh_err
read_to_end(int fd, struct buffer *out, struct fault *fault)
{
    enum kh_err err = read_all(fd, out);
    if (err == KH_ERR_TOO_LONG)
        return fault_set(fault, err, "a secret has at most %d bytes",
                         TERMINAL_SECRET_MAX - READ_ALL_STEP);
    return err ? fault_set(fault, err, "reading the secret: %s", strerror(errno)) : KH_OK;
}

static void
remove_newline(struct buffer *out)
{
    if (out->n > 0 && out->p[out->n - 1] == '\n')
        out->n--;
    if (out->n > 0 && out->p[out->n - 1] == '\r')
        out->n--;
}

static struct termios echo_before;

// The terminal must not stay without echo when the prompt is interrupted.
static void
echo_restore_and_end(int number)
{
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &echo_before);
    signal(number, SIG_DFL);
    raise(number);
}

static enum kh_err
read_line_without_echo(const char *prompt, struct buffer *out, struct fault *fault)
{
    struct termios quiet;
    if (tcgetattr(STDIN_FILENO, &echo_before) != 0)
        return fault_set(fault, KH_ERR_IO, "the terminal: %s", strerror(errno));
    quiet = echo_before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    quiet.c_lflag |= ECHONL | ICANON;
    signal(SIGINT, echo_restore_and_end);
    signal(SIGTERM, echo_restore_and_end);
    enum kh_err err = KH_OK;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) != 0) {
        err = fault_set(fault, KH_ERR_IO, "the terminal: %s", strerror(errno));
    } else {
        // Only now: whoever answers a prompt must not be heard.
        fprintf(stderr, "%s: ", prompt);
        uint8_t *room = buffer_reserve(out, 4096);
        ssize_t n = room != NULL ? read(STDIN_FILENO, room, 4096) : -1;
        if (n < 0)
            err = fault_set(fault, KH_ERR_IO, "reading the secret: %s", strerror(errno));
        else
            buffer_advance(out, (size_t)n);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &echo_before);
    }
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    remove_newline(out);
    return err;
}

static enum kh_err
read_from_terminal(const char *prompt, bool twice, struct buffer *out, struct fault *fault)
{
    enum kh_err err = read_line_without_echo(prompt, out, fault);
    if (err != KH_OK || !twice)
        return err;
    BUFFER_AUTO again;
    buffer_init_secret(&again, TERMINAL_SECRET_MAX);
    err = read_line_without_echo("once more", &again, fault);
    if (err == KH_OK && !bytes_equal_secret(buffer_bytes(out), buffer_bytes(&again)))
        err = fault_set(fault, KH_ERR_USAGE, "the two are not the same");
    return err;
}

enum kh_err
terminal_read_secret(int fd, const char *prompt, bool twice, struct buffer *out,
                     struct fault *fault)
{
    enum kh_err err;
    if (fd < 0 && isatty(STDIN_FILENO)) {
        err = read_from_terminal(prompt, twice, out, fault);
    } else {
        err = read_to_end(fd >= 0 ? fd : STDIN_FILENO, out, fault);
        remove_newline(out);
    }
    if (err == KH_OK && out->n == 0)
        err = fault_set(fault, KH_ERR_USAGE, "nothing was given on %s",
                        fd >= 0 ? "that descriptor" : "standard input");
    return err;
}

enum kh_err
terminal_read_line(const char *prompt, char *out, size_t size, struct fault *fault)
{
    size_t n = 0;
    char c = '\0';

    fprintf(stderr, "%s: ", prompt);
    // A byte at a time: what is behind the line is the next prompt's, or a secret.
    for (;;) {
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != 1)
            return fault_set(fault, KH_ERR_IO, "there was no answer");
        if (c == '\n')
            break;
        if ((n == 0 && (c == ' ' || c == '\t')) || c == '\r')
            continue;
        if (n + 1 == size)
            return fault_set(fault, KH_ERR_TOO_LONG, "the answer is too long");
        out[n++] = c;
    }
    while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\t'))
        n--;
    out[n] = '\0';
    return KH_OK;
}
