/* A fixed team of threads that run one function together, with a barrier between its parts. */
#ifndef FSCNN_RUN_TEAM_H
#define FSCNN_RUN_TEAM_H

#include "base/status.h"

struct team;

/* `threads` >= 1, the caller of team_run being thread 0. first_processor >= 0: thread i stays on processor
 * first_processor + i of those that the caller of team_create may use, from the first again after the last; the caller
 * of team_run only for as long as it runs. -1: anywhere. */
FSCNN_NODISCARD enum fscnn_status team_create(int threads, int first_processor, struct team **out,
                                              struct fscnn_error *err);
void team_free(struct team **team);
int team_size(const struct team *team);

/* Calls run(user, i) on thread i of all threads and returns when all have returned. */
void team_run(struct team *team, void (*run)(void *user, int thread), void *user);

/* Called by every thread inside a run: waits until all have. */
void team_wait(struct team *team);

#endif
