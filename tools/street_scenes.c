/* Draws street scenes with exact labels, in the Cityscapes layout, so that the whole chain can be tried without
 * downloading a data set.
 *
 *   street_scenes OUT [--count N] [--size HxW] [--seed S] [--split NAME] [--city NAME]
 *
 * The same seed gives the same pictures. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fastscnn/fastscnn.h"
#include "street/draw.h"
#include "street/scene.h"

enum { MAX_SIDE = 8192, MAX_SCENES = 1000000, MAX_THREADS = 16, BAD_INPUT = 1, BAD_USAGE = 2 };

struct arguments {
    const char *output, *split, *city;
    int count, height, width;
    unsigned long long seed;
};

static const char usage[] =
    "Usage: street_scenes OUT [options]      (or: --output OUT)\n"
    "\n"
    "Draws street scenes with exact labels: OUT/leftImg8bit/SPLIT/CITY/*.png and OUT/gtFine/SPLIT/CITY/*.png.\n"
    "\n"
    "Options:\n"
    "  --count N      pictures (default: 8)\n"
    "  --size HxW     their size (default: 1024x2048)\n"
    "  --seed S       other numbers give other streets (default: 1)\n"
    "  --split NAME   (default: val)\n"
    "  --city NAME    (default: demo)\n"
    "\n"
    "Example:\n"
    "  street_scenes demo/cityscapes --count 4 --size 512x1024\n";

static bool is_name(const char *text) { return *text && *text != '.' && !strchr(text, '/') && strlen(text) < 64; }

static bool parse_number(const char *text, unsigned long long low, unsigned long long high, unsigned long long *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *out >= low && *out <= high;
}

/* Takes one option with its value; false for a value that makes no sense or an unknown name. */
static bool take_option(struct arguments *a, const char *name, const char *value) {
    unsigned long long number;
    int used = 0;
    if (strcmp(name, "--output") == 0) {
        a->output = value;
        return *value != '\0';
    }
    if (strcmp(name, "--split") == 0 || strcmp(name, "--city") == 0) {
        *(name[2] == 's' ? &a->split : &a->city) = value;
        return is_name(value);
    }
    if (strcmp(name, "--count") == 0 && parse_number(value, 1, MAX_SCENES, &number)) {
        a->count = (int)number;
        return true;
    }
    if (strcmp(name, "--seed") == 0) {
        return parse_number(value, 0, ~0ULL, &a->seed);
    }
    return strcmp(name, "--size") == 0 && sscanf(value, "%d%*[x,]%d%n", &a->height, &a->width, &used) == 2 &&
           value[used] == '\0' && a->height >= 32 && a->width >= 32 && a->height <= MAX_SIDE && a->width <= MAX_SIDE;
}

/* Returns -1 to go on, or the exit code. */
static int parse_arguments(int argc, char **argv, struct arguments *a) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (argv[i][0] != '-') {
            if (a->output) {
                fprintf(stderr, "street_scenes: one output folder, not also '%s'\n", argv[i]);
                return BAD_USAGE;
            }
            a->output = argv[i];
        } else if (i + 1 == argc || !take_option(a, argv[i], argv[i + 1])) {
            fprintf(stderr, "street_scenes: '%s %s' is not understood (see --help)\n", argv[i],
                    i + 1 < argc ? argv[i + 1] : "");
            return BAD_USAGE;
        } else {
            i++;
        }
    }
    if (!a->output) {
        fputs(usage, stderr);
        return BAD_USAGE;
    }
    return -1;
}

/* "OUT/KIND/SPLIT/CITY" into path, made with all its parts. */
static bool make_folder(const struct arguments *a, const char *kind, char *path, size_t size) {
    if (snprintf(path, size, "%s/%s/%s/%s", a->output, kind, a->split, a->city) >= (int)size) {
        fprintf(stderr, "street_scenes: the path is too long\n");
        return false;
    }
    for (char *at = path + 1;; at++) {
        char end = *at;
        if (end == '/' || end == '\0') {
            *at = '\0';
            if (mkdir(path, 0777) < 0 && errno != EEXIST) {
                fprintf(stderr, "street_scenes: %s: %s\n", path, strerror(errno));
                return false;
            }
            *at = end;
        }
        if (end == '\0') {
            return true;
        }
    }
}

static bool write_scene(const char *images, const char *labels, const char *city, int number,
                        const struct fscnn_picture *picture, const struct fscnn_labels *ids) {
    char path[8192];
    struct fscnn_error error;
    snprintf(path, sizeof(path), "%s/%s_000000_%06d_leftImg8bit.png", images, city, number);
    enum fscnn_status status = fscnn_picture_write_png(path, picture, &error);
    if (status == FSCNN_OK) {
        snprintf(path, sizeof(path), "%s/%s_000000_%06d_gtFine_labelIds.png", labels, city, number);
        /* The style of "train ids" writes the numbers as they are: label ids here. */
        status = fscnn_labels_write_png(path, ids, FSCNN_STYLE_TRAINIDS, NULL, &error);
    }
    if (status != FSCNN_OK) {
        fprintf(stderr, "street_scenes: %s\n", error.text);
    }
    return status == FSCNN_OK;
}

/* One thread: a canvas of its own, scenes in turn until all are taken or one failed. */
struct painter {
    const struct arguments *arguments;
    const char *images, *labels;
    atomic_int *next;
    atomic_bool *failed;
};

static void *paint_scenes(void *argument) {
    const struct painter *painter = argument;
    const struct arguments *a = painter->arguments;
    struct canvas canvas = {0};
    size_t pixels = (size_t)a->width * (size_t)a->height;
    struct fscnn_picture picture = {.width = a->width, .height = a->height, .rgb = malloc(3 * pixels)};
    struct fscnn_labels ids = {.width = a->width, .height = a->height, .labels = malloc(pixels)};
    if (!picture.rgb || !ids.labels || !canvas_create(&canvas, a->width, a->height)) {
        fprintf(stderr, "street_scenes: out of memory\n");
        atomic_store(painter->failed, true);
    }
    while (!atomic_load(painter->failed)) {
        int number = atomic_fetch_add(painter->next, 1);
        if (number >= a->count) {
            break;
        }
        draw_scene(&canvas, a->seed, number);
        canvas_develop(&canvas, (uint32_t)number + 1, picture.rgb, ids.labels);
        if (!write_scene(painter->images, painter->labels, a->city, number, &picture, &ids)) {
            atomic_store(painter->failed, true);
        }
    }
    canvas_free(&canvas);
    fscnn_picture_free(&picture);
    fscnn_labels_free(&ids);
    return NULL;
}

static int draw_all(const struct arguments *a) {
    char images[4096], labels[4096];
    atomic_int next = 0;
    atomic_bool failed = false;
    struct painter painter = {a, images, labels, &next, &failed};
    pthread_t threads[MAX_THREADS];
    if (!make_folder(a, "leftImg8bit", images, sizeof(images)) || !make_folder(a, "gtFine", labels, sizeof(labels))) {
        return BAD_INPUT;
    }
    int wanted = fscnn_cpu_cores(), started = 0;
    wanted = wanted < MAX_THREADS ? wanted : MAX_THREADS;
    while (started < wanted - 1 && started < a->count - 1 &&
           pthread_create(&threads[started], NULL, paint_scenes, &painter) == 0) {
        started++;
    }
    paint_scenes(&painter);
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    if (atomic_load(&failed)) {
        return BAD_INPUT;
    }
    printf("%d scenes of %dx%d in %s\n", a->count, a->height, a->width, a->output);
    return 0;
}

int main(int argc, char **argv) {
    struct arguments arguments = {.split = "val", .city = "demo", .count = 8, .height = 1024, .width = 2048, .seed = 1};
    int code = parse_arguments(argc, argv, &arguments);
    return code >= 0 ? code : draw_all(&arguments);
}
