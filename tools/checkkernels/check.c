/* Random cases of every kernel against plain C. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "checkkernels.h"

enum { SHAPES = 400 };

static const struct kernels *plain_kernels(void) {
    static struct kernels plain;
    if (!plain.isa) {
        plain = kernels_get(0);
    }
    return &plain;
}

void call_measure_magnitudes(struct call *c) {
    c->kernel->operation->run(plain_kernels(), c);
    output_magnitude(&c->out);
    signs_flip();
}

void random_clamp(int type, float *low, float *high) {
    const int kind = random_int(0, 2);
    *low = kind == 0 ? -INFINITY : 0.0F;
    *high = kind < 2 ? INFINITY : (type == ELEM_U8 ? 250.0F : 0.5F) * random_float();
}

/* ---- faults: a kernel that touches what it may not is reported, and the next one checked ---- */

static sigjmp_buf before_call;
static const void *fault_address; /* NULL where the processor gives none */
static volatile sig_atomic_t fault_signal;

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    fault_signal = signal;
    fault_address = info->si_code > 0 && info->si_code < SI_KERNEL ? info->si_addr : NULL;
    siglongjmp(before_call, 1);
}

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
enum { FAULT_SIGNALS = sizeof(fault_signals) / sizeof(fault_signals[0]) };

static void describe_fault(char *text, size_t size) {
    char place[128];
    if (fault_signal != SIGSEGV && fault_signal != SIGBUS) {
        snprintf(text, size, "stopped by signal %d (%s)", fault_signal, strsignal(fault_signal));
    } else if (!fault_address) {
        snprintf(text, size, "faulted at no address, as accesses that should be aligned do");
    } else {
        buffers_locate(fault_address, place, sizeof(place));
        snprintf(text, size, "touched %s", place);
    }
}

/* Makes the call; false, and what happened, if it faulted. */
static bool run_guarded(const struct kernels *k, const struct call *c, char *text, size_t size) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, before[FAULT_SIGNALS];
    volatile bool good = false;
    for (int i = 0; i < FAULT_SIGNALS; i++) {
        sigaction(fault_signals[i], &action, &before[i]);
    }
    if (sigsetjmp(before_call, 1) == 0) {
        c->kernel->operation->run(k, c);
        good = true;
    }
    for (int i = 0; i < FAULT_SIGNALS; i++) {
        sigaction(fault_signals[i], &before[i], NULL);
    }
    if (!good) {
        describe_fault(text, size);
    }
    return good;
}

/* ---- checks ---- */

static bool check_call(struct call *c, const struct kernels *table, char *text, size_t size) {
    output_start(&c->out);
    buffers_seal();
    if (!run_guarded(plain_kernels(), c, text, size) || !buffers_intact(text, size)) {
        const size_t used = strlen(text);
        snprintf(text + used, size - used, " (plain C did)");
        return false;
    }
    output_expect(&c->out);
    return run_guarded(table, c, text, size) && buffers_intact(text, size) &&
           output_compare(&c->out, c->kernel->tolerance, text, size);
}

bool check_kernel(const struct kernel *kernel, const struct kernels *table, uint32_t seed, int shapes, char *text,
                  size_t size) {
    bool good = true;
    random_start(seed);
    for (int i = 0; i < shapes && good; i++) {
        struct call c = {.kernel = kernel, .type = kernel->type};
        buffers_reset(false);
        kernel->operation->draw(&c);
        char what[384] = "";
        good = check_call(&c, table, what, sizeof(what));
        if (!good) {
            snprintf(text, size, "shape %d: %s\n#   %s", i + 1, c.text, what);
        }
        output_free(&c.out);
    }
    return good;
}

static int tap_lines, tap_failed;

void tap_result(bool good, const char *name, const char *isa, const char *detail) {
    tap_failed += !good;
    printf("%s %d - %s %s%s\n", good ? "ok" : "not ok", ++tap_lines, name, isa, detail);
}

int check_all(const char *pattern, uint32_t seed) {
    struct isa isas[MAX_ISAS];
    const int num_isas = isas_find(isas);
    char text[640], detail[64];
    snprintf(detail, sizeof(detail), " (seed %u, %d shapes)", seed, SHAPES);
    selftest_all(pattern);
    for (int i = 0; i < num_kernels; i++) {
        const struct kernel *kernel = &kernel_list[i];
        for (int j = 0; j < num_isas; j++) {
            if (!isa_has_own(isas, j, kernel) || !name_matches(pattern, kernel->name, isas[j].name)) {
                continue;
            }
            const bool good = check_kernel(kernel, &isas[j].kernels, seed, SHAPES, text, sizeof(text));
            tap_result(good, kernel->name, isas[j].name, detail);
            if (!good) {
                printf("#   %s\n#   again: checkkernels --seed %u '%s %s'\n", text, seed, kernel->name, isas[j].name);
            }
            fflush(stdout);
        }
    }
    if (tap_lines == 0) {
        return no_match(pattern, isas, num_isas);
    }
    printf("1..%d\n", tap_lines);
    return tap_failed ? 1 : 0;
}
