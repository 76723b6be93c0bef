/* random_checkpoint OUT.pth --seed N: writes what random_model makes. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "random_model.h"

static const char usage[] = "Usage: random_checkpoint OUT.pth [OPTIONS]\n\n"
                            "Writes a Fast-SCNN checkpoint with pseudo-random weights.\n\n"
                            "Options:\n"
                            "  --seed N       of the weights (default 1)\n"
                            "  --classes N    1 to 255 (default 19)\n"
                            "  --aux          with the auxiliary training heads\n"
                            "  --legacy       in the layout before torch 1.6, not zip\n"
                            "  --dtype TYPE   float32 (default), float16, bfloat16 or float64\n"
                            "  --wrap KEY     the state_dict under KEY of a dict, beside an epoch (default: bare)\n"
                            "  --prefix TEXT  before every name, as module. (default: none)\n";

static bool parse_dtype(const char *text, enum dtype *out) {
    for (enum dtype dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
        if (strcmp(text, dtype_name(dtype)) == 0) {
            *out = dtype;
            return true;
        }
    }
    return false;
}

static bool parse_number(const char *text, int low, int high, int *out) {
    char *end;
    long value = strtol(text, &end, 10);
    *out = (int)value;
    return end != text && *end == '\0' && value >= low && value <= high;
}

static bool parse(int argc, char **argv, struct random_model *s) {
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},   {"classes", required_argument, NULL, 'c'},
        {"aux", no_argument, NULL, 'a'},          {"legacy", no_argument, NULL, 'l'},
        {"dtype", required_argument, NULL, 'd'},  {"wrap", required_argument, NULL, 'w'},
        {"prefix", required_argument, NULL, 'p'}, {0}};
    bool good = true;
    for (int option; good && (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 's': good = parse_number(optarg, 0, INT_MAX, &s->seed); break;
        case 'c': good = parse_number(optarg, 1, FSCNN_MAX_CLASSES, &s->classes); break;
        case 'a': s->auxiliary = true; break;
        case 'l': s->legacy = true; break;
        case 'd': good = parse_dtype(optarg, &s->dtype); break;
        case 'w': s->wrap = optarg; break;
        case 'p':
            s->prefix = optarg;
            good = strlen(optarg) <= 60;
            break;
        default: good = false;
        }
    }
    return good && optind == argc - 1;
}

int main(int argc, char **argv) {
    struct random_model s = {.seed = 1, .classes = 19, .dtype = DTYPE_F32};
    struct fscnn_error err;
    if (!parse(argc, argv, &s)) {
        fputs(usage, stderr);
        return 2;
    }
    struct blob out;
    random_model_write(&s, &out);
    enum fscnn_status status = file_write(argv[optind], out.data, out.size, &err);
    if (status != FSCNN_OK) {
        fprintf(stderr, "random_checkpoint: %s\n", err.text);
    }
    blob_free(&out);
    return status == FSCNN_OK ? 0 : 1;
}
