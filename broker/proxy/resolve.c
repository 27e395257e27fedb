/* SPDX-License-Identifier: Apache-2.0
 *
 * The resolver's threads. A job belongs to the queue, then to a thread, then to the list of what is
 * done; the loop alone frees it. A name is looked up by one thread at a time, for all who ask for
 * it: one whose servers hang must not take every thread from the others.
 *
 * There are threads while there are names to be looked up, which is seldom where connections are
 * kept. A process of more than one pays for it with each system call on a descriptor, since the
 * table of these is shared then: 2 % of what a small request takes.
 */
#include "resolve.h"

#include "../thread.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

enum { HOST_MAX = 255, THREADS_MAX = 16, IDLE_MS = 5000 };

struct resolve_job {
    STAILQ_ENTRY(resolve_job) entry;
    struct resolver *resolver;
    bool waits; // in the queue; under the lock
    char host[HOST_MAX + 1];
    uint16_t port;
    resolve_done done; // NULL: cancelled; the loop alone reads and writes it
    void *owner;
    struct address address[RESOLVE_ADDRESSES_MAX];
    size_t count;
    const char *why;
};

STAILQ_HEAD(job_list, resolve_job);

// Where a thread is while there is one; the loop alone starts and joins them.
struct place {
    struct resolver *resolver;
    pthread_t thread;
    bool taken;
    bool over; // it only has to be joined; under the lock
};

struct resolver {
    struct resolver_options options;
    struct place place[THREADS_MAX];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job_list queue, running, finished; // under the lock
    size_t queued, waiting;                   // waiting: threads that have nothing to do
    bool stopping;
    int fd; // eventfd: something is finished
    struct event *readable;
};

static size_t
lookup_system(const char *host, uint16_t port, struct address *out, size_t cap, const char **why)
{
    struct addrinfo *list = NULL;
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    int r = getaddrinfo(host, NULL, &hints, &list);
    if (r != 0) {
        *why = r == EAI_NONAME ? "the name does not exist" : "the name cannot be resolved now";
        return 0;
    }
    size_t n = 0;
    for (const struct addrinfo *a = list; a && n < cap; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
            continue;
        out[n] = (struct address){.length = a->ai_addrlen};
        memcpy(&out[n].storage, a->ai_addr, a->ai_addrlen);
        address_set_port(&out[n++], port);
    }
    freeaddrinfo(list);
    *why = n ? NULL : "the name has no address";
    return n;
}

static void
leave_queue(struct resolver *resolver, struct resolve_job *job)
{
    STAILQ_REMOVE(&resolver->queue, job, resolve_job, entry);
    resolver->queued--;
    job->waits = false;
}

static bool
is_running(const struct resolver *resolver, const char *host)
{
    const struct resolve_job *job;
    STAILQ_FOREACH(job, &resolver->running, entry)
    {
        if (strcmp(job->host, host) == 0)
            return true;
    }
    return false;
}

// The first in the queue whose name no other thread is busy with; under the lock.
static struct resolve_job *
next_job(struct resolver *resolver)
{
    struct resolve_job *job;
    STAILQ_FOREACH(job, &resolver->queue, entry)
    {
        if (is_running(resolver, job->host))
            continue;
        leave_queue(resolver, job);
        STAILQ_INSERT_TAIL(&resolver->running, job, entry);
        return job;
    }
    return NULL;
}

static void
copy_answer(struct resolve_job *to, const struct resolve_job *from)
{
    to->count = from->count;
    to->why = from->why;
    for (size_t i = 0; i < from->count; i++) {
        to->address[i] = from->address[i];
        address_set_port(&to->address[i], to->port);
    }
}

static void
tell_loop(const struct resolver *resolver)
{
    uint64_t one = 1;
    // It fails only when the counter is at its limit, and then the loop is awake anyway.
    while (write(resolver->fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void
finish_job(struct resolver *resolver, struct resolve_job *job)
{
    struct resolve_job *other, *next;

    pthread_mutex_lock(&resolver->lock);
    STAILQ_REMOVE(&resolver->running, job, resolve_job, entry);
    STAILQ_INSERT_TAIL(&resolver->finished, job, entry);
    for (other = STAILQ_FIRST(&resolver->queue); other; other = next) {
        next = STAILQ_NEXT(other, entry);
        if (strcmp(other->host, job->host) != 0)
            continue;
        leave_queue(resolver, other);
        copy_answer(other, job);
        STAILQ_INSERT_TAIL(&resolver->finished, other, entry);
    }
    pthread_mutex_unlock(&resolver->lock);
    tell_loop(resolver);
}

// NULL: there was nothing to do for a while, or it all ends. Under the lock.
static struct resolve_job *
wait_for_job(struct resolver *resolver)
{
    struct resolve_job *job = NULL;
    struct timespec until;
    bool late = false;
    unsigned ms = resolver->options.idle_ms;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    resolver->waiting++;
    while (!resolver->stopping && !(job = next_job(resolver)) && !late)
        late = pthread_cond_timedwait(&resolver->wake, &resolver->lock, &until) == ETIMEDOUT;
    resolver->waiting--;
    return job;
}

static void *
work(void *context)
{
    struct place *place = context;
    struct resolver *resolver = place->resolver;
    for (;;) {
        pthread_mutex_lock(&resolver->lock);
        struct resolve_job *job = wait_for_job(resolver);
        place->over = !job;
        pthread_mutex_unlock(&resolver->lock);
        if (!job)
            break;
        job->count = resolver->options.lookup(job->host, job->port, job->address,
                                              RESOLVE_ADDRESSES_MAX, &job->why);
        finish_job(resolver, job);
    }
    tell_loop(resolver);
    return NULL;
}

static void
join_those_that_ended(struct resolver *resolver)
{
    for (size_t i = 0; i < THREADS_MAX; i++) {
        struct place *place = &resolver->place[i];
        pthread_mutex_lock(&resolver->lock);
        bool over = place->taken && place->over;
        pthread_mutex_unlock(&resolver->lock);
        if (!over)
            continue;
        pthread_join(place->thread, NULL);
        place->taken = place->over = false;
    }
}

unsigned
resolver_threads(const struct resolver *resolver)
{
    unsigned count = 0;
    for (size_t i = 0; i < THREADS_MAX; i++)
        count += resolver->place[i].taken;
    return count;
}

// Whether there is a thread now that will come to what waits.
static bool
start_thread(struct resolver *resolver)
{
    join_those_that_ended(resolver);
    for (size_t i = 0; i < resolver->options.threads && i < THREADS_MAX; i++) {
        struct place *place = &resolver->place[i];
        if (place->taken)
            continue;
        place->taken = thread_start(work, place, &place->thread);
        break;
    }
    return resolver_threads(resolver) > 0;
}

static void
deliver(evutil_socket_t fd, short what, void *context)
{
    struct resolver *resolver = context;
    struct job_list done = STAILQ_HEAD_INITIALIZER(done);
    uint64_t count;
    (void)what;
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
        return;
    join_those_that_ended(resolver);
    pthread_mutex_lock(&resolver->lock);
    STAILQ_CONCAT(&done, &resolver->finished);
    pthread_mutex_unlock(&resolver->lock);
    struct resolve_job *job;
    while ((job = STAILQ_FIRST(&done))) {
        STAILQ_REMOVE_HEAD(&done, entry);
        if (job->done)
            job->done(job->owner, job->address, job->count, job->why);
        free(job);
    }
}

static bool
make_wake(pthread_cond_t *wake)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(wake, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return made;
}

enum kh_err
resolver_new(const struct resolver_options *options, struct resolver **out)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        return KH_ERR_MEMORY;
    resolver->options = *options;
    if (!resolver->options.lookup)
        resolver->options.lookup = lookup_system;
    if (resolver->options.idle_ms == 0)
        resolver->options.idle_ms = IDLE_MS;
    if (!make_wake(&resolver->wake)) {
        free(resolver);
        return KH_ERR_MEMORY;
    }
    for (size_t i = 0; i < THREADS_MAX; i++)
        resolver->place[i].resolver = resolver;
    STAILQ_INIT(&resolver->queue);
    STAILQ_INIT(&resolver->running);
    STAILQ_INIT(&resolver->finished);
    pthread_mutex_init(&resolver->lock, NULL);
    resolver->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (resolver->fd >= 0)
        resolver->readable =
            event_new(options->base, resolver->fd, EV_READ | EV_PERSIST, deliver, resolver);
    if (!resolver->readable || event_add(resolver->readable, NULL) != 0) {
        resolver_free(&resolver);
        return KH_ERR_INTERNAL;
    }
    *out = resolver;
    return KH_OK;
}

static void
drop_all(struct job_list *list)
{
    struct resolve_job *job;
    while ((job = STAILQ_FIRST(list))) {
        STAILQ_REMOVE_HEAD(list, entry);
        free(job);
    }
}

void
resolver_free(struct resolver **resolver)
{
    struct resolver *r = *resolver;
    *resolver = NULL;
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < THREADS_MAX; i++) {
        if (r->place[i].taken)
            pthread_join(r->place[i].thread, NULL);
    }
    drop_all(&r->queue);
    drop_all(&r->finished);
    if (r->readable)
        event_free(r->readable);
    if (r->fd >= 0)
        close(r->fd);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

// False: too many wait already.
static bool
enqueue(struct resolver *resolver, struct resolve_job *job, bool *behind)
{
    pthread_mutex_lock(&resolver->lock);
    bool room = resolver->queued < resolver->options.queue_max;
    if (room) {
        STAILQ_INSERT_TAIL(&resolver->queue, job, entry);
        resolver->queued++;
        job->waits = true;
        pthread_cond_signal(&resolver->wake);
    }
    // A thread ends under the lock and with nothing to take in the queue: none that waits now will
    // leave this one there.
    *behind = resolver->queued > resolver->waiting;
    pthread_mutex_unlock(&resolver->lock);
    return room;
}

enum kh_err
resolver_start(struct resolver *resolver, struct bytes host, uint16_t port, resolve_done done,
               void *owner, struct resolve_job **out)
{
    if (host.n == 0 || host.n > HOST_MAX || memchr(host.p, 0, host.n))
        return KH_ERR_SYNTAX;
    struct resolve_job *job = calloc(1, sizeof *job);
    if (!job)
        return KH_ERR_MEMORY;
    job->resolver = resolver;
    memcpy(job->host, host.p, host.n);
    job->port = port;
    job->done = done;
    job->owner = owner;
    bool behind;
    if (!enqueue(resolver, job, &behind)) {
        free(job);
        return KH_ERR_RANGE;
    }
    if (behind && !start_thread(resolver)) {
        resolver_cancel(&job); // nobody else could have taken it
        return KH_ERR_MEMORY;
    }
    *out = job;
    return KH_OK;
}

void
resolver_cancel(struct resolve_job **job)
{
    struct resolve_job *j = *job;
    *job = NULL;
    if (!j)
        return;
    pthread_mutex_lock(&j->resolver->lock);
    bool waits = j->waits;
    if (waits)
        leave_queue(j->resolver, j);
    pthread_mutex_unlock(&j->resolver->lock);
    if (waits)
        free(j);
    else
        j->done = NULL;
}
