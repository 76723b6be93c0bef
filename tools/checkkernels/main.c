#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "checkkernels.h"

static const char usage[] =
    "Usage: checkkernels [--bench] [--seed N] [PATTERN]\n\n"
    "Checks every kernel on every instruction set that this processor has against the plain C one: random shapes,\n"
    "strides and addresses, guards around every buffer, declared tolerances. Prints TAP; exits with 1 when one is "
    "wrong.\n\n"
    "PATTERN chooses among lines like 'conv_u8 avx512vnni': any part of one, or all of it with the wildcards * ? "
    "[].\n\n"
    "Options:\n"
    "  --bench     time them on the network's shapes instead, with the data in the caches: ns a call, GFLOP/s (GOP/s\n"
    "              for u8), GB/s, and the share of the peak, measured beside it, of what limits the call: arithmetic,\n"
    "              or reading from the second-level cache (rows that stay in the first may pass 100 %)\n"
    "  --seed N    of the random cases, 0 to 4294967295 (default 1)\n"
    "  -h, --help  this text\n\n"
    "Example:\n"
    "  checkkernels                           # all\n"
    "  checkkernels --seed 7 conv_f32         # the float32 convolution on each instruction set\n"
    "  checkkernels --bench '*conv* avx512*'  # the speed of some\n";

static bool parse_seed(const char *text, uint32_t *seed) {
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    *seed = (uint32_t)value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value <= UINT32_MAX;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"bench", no_argument, NULL, 'b'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    uint32_t seed = 1;
    bool bench = false;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (option) {
        case 'b': bench = true; break;
        case 's':
            if (!parse_seed(optarg, &seed)) {
                fprintf(stderr, "checkkernels: --seed: '%s' is not a whole number from 0 to 4294967295\n", optarg);
                return 2;
            }
            break;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs("checkkernels: see checkkernels --help\n", stderr); return 2;
        }
    }
    if (argc - optind > 1) {
        fprintf(stderr, "checkkernels: one PATTERN at most, '%s' is another (see checkkernels --help)\n",
                argv[optind + 1]);
        return 2;
    }
    const char *pattern = argv[optind]; /* NULL where there is none */
    return bench ? bench_all(pattern, seed) : check_all(pattern, seed);
}
