/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking a person: PINs, codes, yes or no.
 */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios terminal_before;
static int terminal_fd = -1;

// The terminal must not stay without echo when the question is interrupted.
static void
terminal_restore_and_end(int number)
{
    tcsetattr(terminal_fd, TCSAFLUSH, &terminal_before);
    signal(number, SIG_DFL);
    raise(number);
}

// To the first newline, byte by byte: what follows belongs to whoever reads next.
static enum kh_err
terminal_read_line(int fd, struct buffer *out, struct fault *fault)
{
    for (;;) {
        uint8_t byte = 0;
        ssize_t n = read(fd, &byte, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(fault, KH_ERR_IO, "reading the answer: %s", strerror(errno));
        if (n == 0 || byte == '\n')
            break;
        buffer_put_byte(out, byte);
        wipe(&byte, 1);
    }
    if (out->n > 0 && out->p[out->n - 1] == '\r')
        out->n--;
    if (out->failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the answer is too long");
    if (out->n == 0)
        return fault_set(fault, KH_ERR_USAGE, "nothing was given");
    return KH_OK;
}

static enum kh_err
terminal_ask_shown(int fd, const char *prompt, struct buffer *out, struct fault *fault)
{
    if (dprintf(fd, "%s", prompt) < 0)
        return fault_set(fault, KH_ERR_IO, "the terminal: %s", strerror(errno));
    return terminal_read_line(fd, out, fault);
}

static enum kh_err
terminal_ask_hidden(int fd, const char *prompt, struct buffer *out, struct fault *fault)
{
    static const int number[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before[3], restore = {.sa_handler = terminal_restore_and_end};
    struct termios quiet;
    if (tcgetattr(fd, &terminal_before) != 0)
        return fault_set(fault, KH_ERR_IO, "the terminal: %s", strerror(errno));
    terminal_fd = fd;
    quiet = terminal_before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    quiet.c_lflag |= ECHONL | ICANON;
    for (size_t i = 0; i < 3; i++)
        sigaction(number[i], &restore, &before[i]);
    // Quiet first: what is typed at the prompt is neither shown nor flushed away.
    enum kh_err err = tcsetattr(fd, TCSAFLUSH, &quiet) == 0
                          ? terminal_ask_shown(fd, prompt, out, fault)
                          : fault_set(fault, KH_ERR_IO, "the terminal: %s", strerror(errno));
    tcsetattr(fd, TCSAFLUSH, &terminal_before);
    for (size_t i = 0; i < 3; i++)
        sigaction(number[i], &before[i], NULL);
    terminal_fd = -1;
    return err;
}

enum kh_err
terminal_ask(const char *prompt, bool hidden, struct buffer *out, struct fault *fault)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no terminal to ask at");
    enum kh_err err = hidden ? terminal_ask_hidden(fd, prompt, out, fault)
                             : terminal_ask_shown(fd, prompt, out, fault);
    close(fd);
    return err;
}

enum kh_err
terminal_confirm(const char *prompt, struct fault *fault)
{
    BUFFER_AUTO answer;
    buffer_init(&answer, TERMINAL_LINE_MAX);
    enum kh_err err = terminal_ask(prompt, false, &answer, fault);
    if (err != KH_OK && err != KH_ERR_USAGE)
        return err;
    struct bytes word = bytes_trim(buffer_bytes(&answer));
    if (bytes_equal_nocase(word, BYTES("y")) || bytes_equal_nocase(word, BYTES("yes")))
        return KH_OK;
    return fault_set(fault, KH_ERR_DENIED, "the answer was not yes");
}

enum kh_err
terminal_read_descriptor(int fd, struct buffer *out, struct fault *fault)
{
    enum kh_err err = terminal_read_line(fd, out, fault);
    if (err != KH_OK)
        fault_prefix(fault, "descriptor %d: ", fd);
    return err;
}
