/* SPDX-License-Identifier: Apache-2.0
 *
 * Scenes of a proxy in which calls fail, played one after the other. A program says what is played
 * and what must hold after it; here is what all of them share: who waits how long, the authority's
 * end of the channel, and that after each run the next one is played in peace.
 */
#ifndef KEYHOLE_TESTS_PROXY_SCENE_H
#define KEYHOLE_TESTS_PROXY_SCENE_H

#include "proxy_world.h"

struct scene {
    const char *name;
    bool anew;        /* each time by a new process: it has dialled nobody and has no certificate */
    const void *what; /* the program's own */
};

/* How a program plays its scenes. */
struct scene_play {
    void (*act)(const struct scene *scene);               /* with calls that fail */
    void (*judge)(const struct scene *scene, bool fired); /* asserts */
    void (*leave)(void);                                  /* closes what a run left open */
    bool (*heard)(void);       /* the process spoke: it was not one which had yet to end */
    const struct scene *peace; /* played after each, when nothing fails; NULL: nothing is */
};

static const struct scene_play *scene_play;
static bool scene_lost; /* the channel to the authority */

/* Waits until somebody is heard. False: nobody was, for `patience_ms`. */
static inline bool
scene_wait(struct pollfd *fd, nfds_t count, int patience_ms)
{
    // Where everything fails nothing moves: when that is over it must go on.
    if (poll(fd, count, QUIET_MS) == 0 && nth_failed()[0] != '\0')
        (void)nth_disarm(NULL);
    return poll(fd, count, patience_ms) > 0;
}

/* ---- the authority ---- */

/* One datagram from the proxy, each message in it to `take`. */
static inline void
scene_hear(void (*take)(enum message_type type, struct bytes body))
{
    scene_lost = !world_hears();
    while (!scene_lost && world_has_frame()) {
        struct bytes body;
        enum message_type type = next_frame(world, &body);
        take(type, body);
    }
}

/* Reads a DECIDE into `world->decide`. False: the proxy refused it, and tells for the record. */
static inline bool
scene_asks(struct bytes body)
{
    assert_int_equal(message_decide_rx(body, &world->decide), KH_OK);
    return world->decide.refused == KH_REASON_UNSET;
}

static inline void
scene_rule(bool yes)
{
    if (yes)
        allow(world);
    else
        deny(world, KH_REASON_CAVEAT_FAILED);
}

/* ---- as jobs ---- */

static inline void
scene_before(void *context)
{
    const struct scene *scene = context;
    if (scene->anew) {
        world_end();
        world_begin();
    }
}

static inline void
scene_act(void *context)
{
    scene_lost = false;
    scene_play->act(context);
}

static inline void
scene_after(void *context, bool fired)
{
    const struct scene *peace = scene_play->peace;

    scene_play->judge(context, fired);
    scene_play->leave();
    world_mend(scene_lost);
    world_forget();
    if (!peace)
        return;
    // By the process that comes after, where one had yet to end.
    for (int tries = 0; tries < 2; tries++) {
        scene_lost = false;
        scene_play->act(peace);
        if (scene_play->heard())
            break;
        scene_play->leave();
        world_mend(scene_lost);
    }
    scene_play->judge(peace, false);
    scene_play->leave();
}

static inline void
scenes_run(const struct scene_play *play, const struct scene *scenes, size_t count)
{
    scene_play = play;
    world_begin();
    for (size_t i = 0; i < count; i++) {
        union {
            const struct scene *scene;
            void *context;
        } of = {&scenes[i]};
        const struct nth_job job = {.name = scenes[i].name,
                                    .before = scene_before,
                                    .act = scene_act,
                                    .after = scene_after,
                                    .context = of.context};
        nth_job_run(&job);
    }
    world_end();
}

#endif
