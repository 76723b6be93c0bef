/* A table of names that a handler can read at any moment: an entry is taken out of it as a whole, and who takes it owns
 * the text. */
#include "temporaries.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "options.h"

enum { MOST_NAMES = 320 }; /* more than there are threads to write files */
enum { MOST_ROUNDS = 50 }; /* of a millisecond, in which a file that was about to be made should be there */

static _Atomic(char *) names[MOST_NAMES];
static atomic_bool ending;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of those who change the table, but for the handler */

/* Calls only what POSIX allows in a handler. Errors do not matter: what cannot be removed stays. */
static void end(int signal_number, siginfo_t *info, void *context) {
    static const char unreadable[] = "fastscnn: a file was shortened while it was being read, or could not be read: "
                                     "leave files alone until the program ends, and replace them by renaming\n";
    static _Thread_local volatile sig_atomic_t inside;
    char *left[MOST_NAMES];
    bool wait = true;
    (void)context;
    if (inside) { /* SIGBUS within: nobody else would end this */
        _exit(EXIT_BAD_INPUT);
    }
    inside = 1;
    while (atomic_exchange(&ending, true)) { /* another thread is at it; what this one did cannot go on */
        pause();
    }
    for (int i = 0; i < MOST_NAMES; i++) {
        left[i] = atomic_exchange(&names[i], NULL);
    }
    for (int round = 0; wait && round < MOST_ROUNDS; round++) {
        if (round > 0) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
        wait = false;
        for (int i = 0; i < MOST_NAMES; i++) {
            if (left[i] && unlink(left[i]) == 0) {
                left[i] = NULL;
            } else if (left[i] && errno == ENOENT) { /* another thread, which has noted it, may be about to make it */
                wait = true;
            }
        }
    }
    for (int i = 0; i < MOST_NAMES; i++) {
        if (left[i]) {
            rmdir(left[i]);
        }
    }
    if (signal_number == SIGBUS && info->si_code == BUS_ADRERR) { /* a page of a mapped file that is not there */
        (void)!write(STDERR_FILENO, unreadable, sizeof(unreadable) - 1);
        _exit(EXIT_BAD_INPUT);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number); /* what it does without us, once the handler returns */
}

void temporaries_watch(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGBUS};
    /* Failed writes are reported and end nothing half-way: `| head` costs the text alone. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    fscnn_watch_temporaries(temporary_add, temporary_drop);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct sigaction action = {.sa_flags = SA_SIGINFO}, before;
        action.sa_sigaction = end;
        sigfillset(&action.sa_mask);
        sigdelset(&action.sa_mask, SIGBUS); /* blocked where it happens, it would end the program at once */
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(signals[i], &action, NULL);
        }
    }
}

void temporary_add(const char *name) {
    char *copy = strdup(name);
    pthread_mutex_lock(&lock);
    for (int i = 0; copy && i < MOST_NAMES; i++) {
        if (!names[i]) {
            names[i] = copy;
            copy = NULL;
        }
    }
    pthread_mutex_unlock(&lock);
    free(copy);
    while (atomic_load(&ending)) {
        pause();
    }
}

void temporary_drop(const char *name) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_NAMES; i++) {
        char *at = names[i];
        if (at && strcmp(at, name) == 0) {
            if (atomic_compare_exchange_strong(&names[i], &at, NULL)) {
                free(at);
            }
            break;
        }
    }
    pthread_mutex_unlock(&lock);
}
