/* SPDX-License-Identifier: Apache-2.0
 *
 * The authority: what it holds, and how that is opened, changed and closed.
 *
 * Everything that changes the state goes the same way: change_begin, the module's …_write within
 * the transaction, change_commit (which writes the audit record first, then commits), and only then
 * the module's …_adopt in memory. What was acknowledged is recorded and on the disk; what failed
 * left nothing behind.
 */
#ifndef KEYHOLE_AUTHORITY_H
#define KEYHOLE_AUTHORITY_H

#include "../../caveats/chain.h"
#include "../../caveats/policy.h"
#include "../admin/reload.h"
#include "../channel.h"
#include "../config.h"
#include "../messages.h"
#include "audit.h"
#include "clock.h"
#include "content.h"
#include "counter.h"
#include "credentials.h"
#include "local_ca.h"
#include "login_rate.h"
#include "master_key.h"
#include "pass_through.h"
#include "revoke.h"
#include "root_key.h"
#include "runs.h"
#include "sealing.h"

#include <sys/queue.h>

#define AUTHORITY_DATABASE_FILE "keyholed.db"
#define AUTHORITY_CA_FILE       "ca.pem"

enum { AUTHORITY_PROXIES_MAX = 256, AUTHORITY_PROCESSES_MAX = 300, AUTHORITY_CHAINS_MAX = 4096 };

struct authority_proxy {
    struct channel *channel;
    struct serve_batch *batch;
    uint64_t id; /* by which the supervisor knows it */
};

struct authority_process { /* for status */
    enum role role;
    uint32_t index, pid, restarts;
    bool running;
    char note[256];
};

struct authority {
    const char *directory;
    struct wall_clock clock;
    struct store *store;
    struct seal *seal;
    struct root_keys keys;
    struct chain_cache *chains; /* verified with these keys */
    struct credentials credentials;
    struct revocations revocations;
    int64_t last_issued_at; /* of all tokens: a revocation reaches those of its own second too */
    struct counters *counters;
    struct local_ca *ca;
    struct secret *audit_key;
    struct audit *audit;
    bool opened;        /* authority_open went well */
    bool audit_failing; /* logged once until it works again */
    bool sync_failing;  /* likewise */
    bool database_failing;
    bool publish_again; /* a route was left out: proxies are told again at the next tick */
    int64_t pruned_at;
    uint32_t actor_uid; /* of the admin request that is carried out; else UINT32_MAX */
    struct config config;
    struct pass_through pass_through;
    struct contents contents;               /* bodies that are to be signed */
    struct sealings sealings;               /* requests whose answers may be tokens to keep */
    struct policy *policy;                  /* in force; NULL: none */
    int64_t policy_version;                 /* 0: there never was one */
    struct message_dischargers dischargers; /* of whom holes may be asked; the default first */
    struct login_rate login_rate;
    struct runs *runs; /* what was refused to them; NULL: no memory, and none is listed */

    struct authority_proxy *proxy[AUTHORITY_PROXIES_MAX];
    size_t proxy_count;
    struct channel *supervisor;
    struct event_base *base;
    struct admin_server *admin; /* whose request is carried out; NULL: none */
    LIST_HEAD(, carry) carries; /* requests that proxies carry */
    size_t carry_count;
    uint64_t carry_id;
    LIST_HEAD(, exchange) exchanges; /* for access tokens */
    struct admin_reloads reloads;    /* of the configuration: who waits for what comes of it */

    /* for status */
    int64_t started_at;
    uint64_t allowed, denied;
    struct authority_process process[AUTHORITY_PROCESSES_MAX];
    size_t process_count;
    struct buffer listeners; /* text of the supervisor, one a line */
};

/* Open and check everything. `authority` is zeroed first; authority_close in any case. */
KH_MUST_CHECK enum kh_err authority_open(struct authority *authority,
                                         const struct master_key_source *source,
                                         struct wall_clock clock, struct fault *fault);
/* Writes the stop record, the audit head, and closes the database. */
void authority_close(struct authority *authority);

/* Each second: audit log to the disk, rotations whose grace is over; each hour: expired revocations
 * go. */
void authority_tick(struct authority *authority);

/* Write what was collected; logs a failure once. */
KH_MUST_CHECK enum kh_err authority_flush_audit(struct authority *authority, struct fault *fault);

/* Whether the local CA may stand in for that host. */
bool authority_is_own_name(const struct authority *authority, struct bytes host);

/* ---- changes ---- */

KH_MUST_CHECK enum kh_err change_begin(struct authority *authority, struct fault *fault);
/* Record, then commit. On failure the transaction is rolled back. */
KH_MUST_CHECK enum kh_err change_commit(struct authority *authority,
                                        const struct audit_record *record, struct fault *fault);
void change_abort(struct authority *authority);

/* ---- the proxies ---- */

void publish_routes(struct authority *authority, struct channel *channel);
void publish_routes_to_all(struct authority *authority);
void publish_rejudge(struct authority *authority);

#endif
