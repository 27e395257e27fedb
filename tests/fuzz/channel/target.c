/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/channel_receive.c broker/channel_rules.c
 *
 * Whatever a process that was taken over sends: just those frames are handled that the table
 * (schema/messages.def) lets this peer send here, each whole, in order, up to the first that breaks
 * a rule; that one closes the channel, once, and nothing is handled behind it. A descriptor comes
 * with the one frame that asks for it, and no other is kept open.
 *
 * Input: a byte of roles, then datagrams: a byte of descriptors, two of length, and the bytes.
 */

#include "../../../broker/channel_internal.h"
#include "../fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAMES_MAX = 4096, DATAGRAMS_MAX = 8, FDS_MAX = 3, TURNS = 12 };

struct frame {
    unsigned type;
    uint64_t id;
    size_t n;
    uint64_t digest;
    bool fd;
};
static struct diary {
    struct frame frame[FRAMES_MAX];
    size_t count, closed;
} got, expected;

static uint64_t
digest_of(struct bytes body)
{
    uint64_t digest = 14695981039346656037U;
    for (size_t i = 0; i < body.n; i++)
        digest = (digest ^ body.p[i]) * 1099511628211U;
    return digest;
}

static bool
handle(struct channel *channel, void *context, const struct message *message)
{
    struct frame frame = {message->type, message->id, message->body.n, digest_of(message->body),
                          message->fd >= 0};
    (void)channel, (void)context;
    if (frame.fd)
        FUZZ_CHECK(close(message->fd) == 0);
    if (got.count < FRAMES_MAX)
        got.frame[got.count++] = frame;
    return frame.digest % 61 != 7; // now and then a body is not well-formed
}

static void
closed(struct channel *channel, void *context, const char *why)
{
    (void)channel, (void)context;
    FUZZ_CHECK(why[0] != '\0');
    got.closed++;
}

/* ---- the same, from the table ---- */

static const struct row {
    unsigned type;
    enum role sender, receiver;
    size_t body_max;
    bool fd;
} rows[] = {
#define KH_MESSAGE(name, number, sender, receiver, body_max, carries_fd)                           \
    {number, ROLE_##sender, ROLE_##receiver, body_max, carries_fd},
#include "../../../schema/messages.def"
};

static const struct row *
find_row(unsigned type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type == type)
            return &rows[i];
    }
    return NULL;
}

static uint64_t
little(const uint8_t *p, size_t n)
{
    uint64_t value = 0;
    while (n > 0)
        value = value << 8 | p[--n];
    return value;
}

// False: the channel ends here.
static bool
expect_datagram(struct bytes rest, size_t fds, enum role self, enum role peer)
{
    for (bool first = true; rest.n > 0 || first; first = false) {
        if (rest.n < 16)
            return false;
        uint64_t n = little(rest.p, 4), id = little(rest.p + 8, 8);
        const struct row *row = find_row((unsigned)little(rest.p + 4, 2));
        if (!row || row->sender != peer || row->receiver != self || little(rest.p + 6, 2) != 0 ||
            n > row->body_max || n > rest.n - 16)
            return false;
        struct bytes body = bytes_slice(rest, 16, (size_t)n);
        rest = bytes_from(rest, 16 + (size_t)n);
        if (first && fds != (row->fd ? 1u : 0u))
            return false;
        if (row->fd && (!first || rest.n > 0))
            return false;
        uint64_t digest = digest_of(body);
        if (expected.count < FRAMES_MAX)
            expected.frame[expected.count++] =
                (struct frame){row->type, id, body.n, digest, row->fd};
        if (digest % 61 == 7)
            return false;
    }
    return true;
}

/* ---- sending ---- */

static bool
send_datagram(int fd, struct bytes part, size_t fds)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control = {.space = {0}};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)part.p, .iov_len = part.n};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fds > 0) {
        int copies[FDS_MAX];
        for (size_t i = 0; i < fds; i++)
            copies[i] = STDERR_FILENO; // the kernel makes others of it
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(fds * sizeof(int));
        memcpy(CMSG_DATA(&control.header), copies, fds * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static int
lowest_descriptor(void)
{
    int fd = dup(STDERR_FILENO);
    FUZZ_CHECK(fd >= 0 && close(fd) == 0);
    return fd;
}

static void
compare(void)
{
    FUZZ_CHECK(got.count == expected.count);
    for (size_t i = 0; i < got.count; i++) {
        const struct frame *a = &got.frame[i], *b = &expected.frame[i];
        FUZZ_CHECK(a->type == b->type && a->id == b->id && a->n == b->n);
        FUZZ_CHECK(a->digest == b->digest && a->fd == b->fd);
    }
    FUZZ_CHECK(got.closed == expected.closed);
}

static void
try(struct event_base *base, enum role self, enum role peer, struct bytes rest)
{
    static struct channel_handler handler[sizeof rows / sizeof rows[0] + 1];
    struct channel_options options = {
        .base = base, .self = self, .peer = peer, .handler = handler, .closed = closed};
    struct channel *channel = NULL;
    struct fault fault;
    int fd[2];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        handler[i] = (struct channel_handler){(enum message_type)rows[i].type, handle};
    got = expected = (struct diary){.count = 0};
    FUZZ_CHECK(channel_pair(fd, &fault) == KH_OK);
    FUZZ_CHECK(channel_new(fd[0], &options, &channel, &fault) == KH_OK);
    bool open = true;
    for (int i = 0; i < DATAGRAMS_MAX && rest.n > 0; i++) {
        size_t fds = fuzz_u8(&rest) % (FDS_MAX + 1), n = (size_t)fuzz_u8(&rest) << 8;
        struct bytes part = fuzz_part(&rest, n | fuzz_u8(&rest));
        if (part.n == 0) // the end of a SEQPACKET socket, to whoever reads
            continue;
        if (!send_datagram(fd[1], part, fds))
            break;
        open = open && expect_datagram(part, fds, self, peer);
    }
    expected.closed = !open;
    for (int i = 0; i < TURNS; i++)
        (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    compare();
    channel_free(&channel);
    (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    close(fd[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum role roles[] = {ROLE_SUPERVISOR, ROLE_PROXY, ROLE_AUTHORITY, ROLE_DISCHARGER};
    static struct event_base *base;
    struct bytes rest = bytes_of(data, size);
    uint8_t which = fuzz_u8(&rest);
    enum role self = roles[which & 3], peer = roles[which >> 2 & 3];
    if (self == peer)
        return 0;
    if (!base) {
        base = event_base_new();
        FUZZ_CHECK(base != NULL);
    }
    int before = lowest_descriptor();
    try(base, self, peer, rest);
    FUZZ_CHECK(lowest_descriptor() == before); // none was left open
    return 0;
}
