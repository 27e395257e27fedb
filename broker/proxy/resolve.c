/* SPDX-License-Identifier: Apache-2.0
 *
 * The resolver's threads. A job belongs to the queue, then to a thread, then to the list of what is
 * done; the loop alone frees it, so that cancelling needs no lock.
 */
#include "resolve.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

enum { HOST_MAX = 255, THREADS_MAX = 16, THREAD_STACK = 256 * 1024 };

struct resolve_job {
    STAILQ_ENTRY(resolve_job) entry;
    char host[HOST_MAX + 1];
    uint16_t port;
    resolve_done done; // NULL: cancelled; the loop alone reads and writes it
    void *owner;
    struct address address[RESOLVE_ADDRESSES_MAX];
    size_t count;
    const char *why;
};

STAILQ_HEAD(job_list, resolve_job);

struct resolver {
    struct resolver_options options;
    pthread_t thread[THREADS_MAX];
    unsigned threads;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job_list queue, finished; // under the lock
    size_t queued;
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
        if (a->ai_family == AF_INET)
            ((struct sockaddr_in *)(void *)a->ai_addr)->sin_port = htons(port);
        else if (a->ai_family == AF_INET6)
            ((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_port = htons(port);
        else
            continue;
        out[n] = (struct address){.length = a->ai_addrlen};
        memcpy(&out[n].storage, a->ai_addr, a->ai_addrlen);
        n++;
    }
    freeaddrinfo(list);
    *why = n ? NULL : "the name has no address";
    return n;
}

static void
finish_job(struct resolver *resolver, struct resolve_job *job)
{
    uint64_t one = 1;
    pthread_mutex_lock(&resolver->lock);
    STAILQ_INSERT_TAIL(&resolver->finished, job, entry);
    pthread_mutex_unlock(&resolver->lock);
    // It fails only when the counter is at its limit, and then the loop is awake anyway.
    while (write(resolver->fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void *
work(void *context)
{
    struct resolver *resolver = context;
    for (;;) {
        pthread_mutex_lock(&resolver->lock);
        while (!resolver->stopping && STAILQ_EMPTY(&resolver->queue))
            pthread_cond_wait(&resolver->wake, &resolver->lock);
        struct resolve_job *job = resolver->stopping ? NULL : STAILQ_FIRST(&resolver->queue);
        if (job) {
            STAILQ_REMOVE_HEAD(&resolver->queue, entry);
            resolver->queued--;
        }
        pthread_mutex_unlock(&resolver->lock);
        if (!job)
            return NULL;
        job->count = resolver->options.lookup(job->host, job->port, job->address,
                                              RESOLVE_ADDRESSES_MAX, &job->why);
        finish_job(resolver, job);
    }
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
start_threads(struct resolver *resolver)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    (void)pthread_attr_setstacksize(&attributes, THREAD_STACK);
    // Signals are the loop's.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (resolver->threads < resolver->options.threads &&
           resolver->threads < (unsigned)THREADS_MAX &&
           pthread_create(&resolver->thread[resolver->threads], &attributes, work, resolver) == 0)
        resolver->threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return resolver->threads > 0;
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
    STAILQ_INIT(&resolver->queue);
    STAILQ_INIT(&resolver->finished);
    pthread_mutex_init(&resolver->lock, NULL);
    pthread_cond_init(&resolver->wake, NULL);
    resolver->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (resolver->fd >= 0)
        resolver->readable =
            event_new(options->base, resolver->fd, EV_READ | EV_PERSIST, deliver, resolver);
    if (!resolver->readable || event_add(resolver->readable, NULL) != 0 ||
        !start_threads(resolver)) {
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
    for (unsigned i = 0; i < r->threads; i++)
        pthread_join(r->thread[i], NULL);
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

enum kh_err
resolver_start(struct resolver *resolver, struct bytes host, uint16_t port, resolve_done done,
               void *owner, struct resolve_job **out)
{
    if (host.n == 0 || host.n > HOST_MAX || memchr(host.p, 0, host.n))
        return KH_ERR_SYNTAX;
    struct resolve_job *job = calloc(1, sizeof *job);
    if (!job)
        return KH_ERR_MEMORY;
    memcpy(job->host, host.p, host.n);
    job->port = port;
    job->done = done;
    job->owner = owner;
    pthread_mutex_lock(&resolver->lock);
    bool room = resolver->queued < resolver->options.queue_max;
    if (room) {
        STAILQ_INSERT_TAIL(&resolver->queue, job, entry);
        resolver->queued++;
        pthread_cond_signal(&resolver->wake);
    }
    pthread_mutex_unlock(&resolver->lock);
    if (!room) {
        free(job);
        return KH_ERR_RANGE;
    }
    *out = job;
    return KH_OK;
}

void
resolver_cancel(struct resolve_job **job)
{
    if (*job)
        (*job)->done = NULL;
    *job = NULL;
}
