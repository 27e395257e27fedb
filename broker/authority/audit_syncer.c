/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that waits for the disk. It has one job at a time, and holds the lock only to take it
 * and to say that it is done; it allocates nothing and knows no key.
 */
#include "audit_syncer.h"

#include "../database/private_file.h"
#include "../thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct piece {
    uint64_t from, to; // bytes of the log; none if they are the same
};

struct audit_syncer {
    struct audit_files files;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, rest;
    enum audit_syncer_state state; // this and what follows under the lock
    struct piece ahead;            // to be written ahead of the next sync
    bool at_file, stopping;
    enum kh_err err;
    struct fault fault;
    size_t head_n;
    uint8_t head[AUDIT_HEAD_TEXT_MAX]; // while it is busy the thread's
};

enum kh_err
audit_files_sync(const struct audit_files *files, struct bytes head, struct fault *fault)
{
    if (fdatasync(files->fd))
        return fault_set(fault, KH_ERR_IO, "%s: cannot sync it: %s", files->log_path,
                         strerror(errno));
    return private_file_replace(files->head_path, head, true, fault);
}

enum job { JOB_END, JOB_SYNC, JOB_WRITE_AHEAD };

// A sync that is asked for is done even if it is to end; to write ahead is only a favour.
static enum job
next_job(const struct audit_syncer *syncer)
{
    if (syncer->state == AUDIT_SYNCER_BUSY)
        return JOB_SYNC;
    return syncer->ahead.from < syncer->ahead.to ? JOB_WRITE_AHEAD : JOB_END;
}

static enum job
wait_for_job(struct audit_syncer *syncer, struct piece *ahead)
{
    enum job job;

    pthread_mutex_lock(&syncer->lock);
    syncer->at_file = false;
    pthread_cond_signal(&syncer->rest);
    while ((job = next_job(syncer)) == JOB_END && !syncer->stopping)
        pthread_cond_wait(&syncer->wake, &syncer->lock);
    *ahead = syncer->ahead;
    syncer->ahead.from = syncer->ahead.to;
    syncer->at_file = job != JOB_END;
    pthread_mutex_unlock(&syncer->lock);
    return job;
}

static void
sync_files(struct audit_syncer *syncer)
{
    struct fault fault = {0};
    enum kh_err err =
        audit_files_sync(&syncer->files, bytes_of(syncer->head, syncer->head_n), &fault);

    pthread_mutex_lock(&syncer->lock);
    syncer->err = err;
    syncer->fault = fault;
    syncer->state = AUDIT_SYNCER_DONE;
    pthread_mutex_unlock(&syncer->lock);
}

// What goes wrong here shows when the log is synced, and some file systems cannot do it.
static void
write_ahead(const struct audit_syncer *syncer, const struct piece *piece)
{
    (void)sync_file_range(syncer->files.fd, (off_t)piece->from, (off_t)(piece->to - piece->from),
                          SYNC_FILE_RANGE_WRITE);
}

static void *
work(void *context)
{
    struct audit_syncer *syncer = context;
    struct piece ahead;
    enum job job;

    while ((job = wait_for_job(syncer, &ahead)) != JOB_END) {
        if (job == JOB_SYNC)
            sync_files(syncer);
        else
            write_ahead(syncer, &ahead);
    }
    return NULL;
}

static void
destroy(struct audit_syncer *syncer)
{
    pthread_cond_destroy(&syncer->rest);
    pthread_cond_destroy(&syncer->wake);
    pthread_mutex_destroy(&syncer->lock);
    free(syncer);
}

enum kh_err
audit_syncer_new(const struct audit_files *files, struct audit_syncer **out)
{
    struct audit_syncer *syncer = calloc(1, sizeof *syncer);

    if (syncer == NULL)
        return KH_ERR_MEMORY;
    syncer->files = *files;
    pthread_mutex_init(&syncer->lock, NULL);
    pthread_cond_init(&syncer->wake, NULL);
    pthread_cond_init(&syncer->rest, NULL);
    if (!thread_start(work, syncer, &syncer->thread)) {
        destroy(syncer);
        return KH_ERR_INTERNAL;
    }
    *out = syncer;
    return KH_OK;
}

void
audit_syncer_free(struct audit_syncer **syncer)
{
    struct audit_syncer *s = *syncer;

    *syncer = NULL;
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    destroy(s);
}

enum audit_syncer_state
audit_syncer_ask(struct audit_syncer *syncer, enum kh_err *err, struct fault *fault)
{
    pthread_mutex_lock(&syncer->lock);
    enum audit_syncer_state state = syncer->state;
    if (state == AUDIT_SYNCER_DONE) {
        syncer->state = AUDIT_SYNCER_IDLE;
        *err = syncer->err;
        if (fault)
            *fault = syncer->fault;
    }
    pthread_mutex_unlock(&syncer->lock);
    return state;
}

static void
settle(struct audit_syncer *syncer)
{
    syncer->ahead.from = syncer->ahead.to;
    while (syncer->state == AUDIT_SYNCER_BUSY || syncer->at_file)
        pthread_cond_wait(&syncer->rest, &syncer->lock);
}

void
audit_syncer_settle(struct audit_syncer *syncer)
{
    pthread_mutex_lock(&syncer->lock);
    settle(syncer);
    pthread_mutex_unlock(&syncer->lock);
}

void
audit_syncer_turn(struct audit_syncer *syncer, int fd)
{
    pthread_mutex_lock(&syncer->lock);
    settle(syncer);
    syncer->files.fd = fd;
    syncer->ahead = (struct piece){0};
    pthread_mutex_unlock(&syncer->lock);
}

void
audit_syncer_write_ahead(struct audit_syncer *syncer, uint64_t from, uint64_t to)
{
    pthread_mutex_lock(&syncer->lock);
    if (syncer->ahead.from == syncer->ahead.to)
        syncer->ahead.from = from;
    syncer->ahead.to = to;
    pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->lock);
}

enum kh_err
audit_syncer_begin(struct audit_syncer *syncer, struct bytes head)
{
    enum kh_err err = head.n > 0 && head.n <= sizeof syncer->head ? KH_OK : KH_ERR_TOO_LONG;

    pthread_mutex_lock(&syncer->lock);
    if (syncer->state != AUDIT_SYNCER_IDLE)
        err = KH_ERR_INTERNAL;
    if (!err) {
        memcpy(syncer->head, head.p, head.n);
        syncer->head_n = head.n;
        syncer->state = AUDIT_SYNCER_BUSY;
        pthread_cond_signal(&syncer->wake);
    }
    pthread_mutex_unlock(&syncer->lock);
    return err;
}
