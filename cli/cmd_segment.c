/* fastscnn segment: photographs in, label pictures out. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "json_output.h"
#include "progress.h"
#include "segment_run.h"
#include "statistics.h"

static const char *const styles[] = {"overlay", "color", "trainids", "labelids", NULL};
static const char *const picture_endings[] = {".png", ".jpg", ".jpeg", NULL};

struct settings {
    const char *model, *output;
    int style, pool, threads;
    int size[2];
    bool json, recursive, pool_given;
};

/* What has been told about pictures as they are done. */
struct telling {
    const struct settings *settings;
    json_t *pictures; /* with --json */
    size_t done, failed;
    double run_ms;
    bool scaling_said;
    struct progress_bar bar;
    size_t total;
};

/* Files as they are, folders as the pictures in them. */
static enum fscnn_status gather_inputs(char **paths, int count, const struct settings *s, struct name_list *inputs,
                                       struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    for (int i = 0; status == FSCNN_OK && i < count; i++) {
        size_t before = inputs->count;
        if (!is_folder(paths[i])) {
            status = name_list_add(inputs, strdup(paths[i]), err);
            continue;
        }
        status = s->recursive ? list_tree(paths[i], s->output, picture_endings, inputs, err)
                              : list_folder(paths[i], picture_endings, inputs, err);
        if (status == FSCNN_OK && inputs->count == before) {
            status = fail(err, FSCNN_ERROR_IO, "%s: no pictures there (.png, .jpg, .jpeg%s)", paths[i],
                          s->recursive ? "" : "; --recursive searches the folders below it");
        }
    }
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(base_name(**(char **const *)a), base_name(**(char **const *)b));
}

/* USAGE where two results would have the same name, or a result would replace its photograph. */
static enum fscnn_status check_outputs(const struct name_list *inputs, const struct name_list *outputs,
                                       struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    char ***sorted =
        malloc((outputs->count + 1) * sizeof(*sorted)); /* into outputs->names: the place says which input */
    if (!sorted) {
        return fail(err, FSCNN_ERROR_MEMORY, "out of memory for file names");
    }
    for (size_t i = 0; i < outputs->count; i++) {
        struct stat in, out;
        sorted[i] = &outputs->names[i];
        if (status == FSCNN_OK && stat(inputs->names[i], &in) == 0 && stat(outputs->names[i], &out) == 0 &&
            in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
            status = fail(err, FSCNN_ERROR_USAGE, "%s would be replaced by its result: choose another --output",
                          inputs->names[i]);
        }
    }
    qsort(sorted, outputs->count, sizeof(*sorted), compare_names);
    for (size_t i = 1; status == FSCNN_OK && i < outputs->count; i++) {
        if (compare_names(&sorted[i - 1], &sorted[i]) == 0) {
            status = fail(err, FSCNN_ERROR_USAGE, "%s and %s would both become %s: rename one, or run them apart",
                          inputs->names[sorted[i - 1] - outputs->names], inputs->names[sorted[i] - outputs->names],
                          *sorted[i]);
        }
    }
    free(sorted);
    return status;
}

/* DIR/STEM.png for every input. */
static enum fscnn_status name_outputs(const char *folder, const struct name_list *inputs, struct name_list *outputs,
                                      struct fscnn_error *err) {
    enum fscnn_status status = FSCNN_OK;
    for (size_t i = 0; status == FSCNN_OK && i < inputs->count; i++) {
        const char *name = base_name(inputs->names[i]), *dot = strrchr(name, '.');
        int length = dot && dot != name ? (int)(dot - name) : (int)strlen(name);
        char *path = NULL;
        if (asprintf(&path, "%s/%.*s.png", folder, length, name) < 0) {
            path = NULL;
        }
        status = name_list_add(outputs, path, err);
    }
    return status == FSCNN_OK ? check_outputs(inputs, outputs, err) : status;
}

/* Train ids that occur, the most frequent first; returns how many. */
static int rank_classes(const struct segmented *picture, int *ids) {
    int count = 0;
    for (int id = 0; id < 256; id++) {
        if (picture->pixels[id] == 0) {
            continue;
        }
        int at = count++;
        for (; at > 0 && picture->pixels[ids[at - 1]] < picture->pixels[id]; at--) {
            ids[at] = ids[at - 1];
        }
        ids[at] = id;
    }
    return count;
}

static double share(const struct segmented *picture, int id) {
    return (double)picture->pixels[id] / ((double)picture->height * picture->width);
}

/* "road", or "class 3" (written into `own`) of a model that has other classes than Cityscapes. */
static const char *class_name(const struct segmented *picture, int id, char own[24]) {
    if (picture->cityscapes || id >= 255) {
        return fscnn_class_of_train_id(id).name;
    }
    snprintf(own, 24, "class %d", id);
    return own;
}

static void print_picture(const struct segmented *picture) {
    int ids[256], count = rank_classes(picture, ids);
    char names[2 * PATH_MAX + 8], own[24];
    snprintf(names, sizeof(names), "%s -> %s", picture->input, picture->output);
    printf("%s  %dx%d, %.1f ms\n ", make_printable(names), picture->height, picture->width, picture->run_ms);
    int shown = 0;
    for (; shown < count && (shown == 0 || share(picture, ids[shown]) >= 0.001); shown++) {
        printf("%s %s %.1f %%", shown ? "," : "", class_name(picture, ids[shown], own),
               100 * share(picture, ids[shown]));
    }
    if (shown < count) {
        printf(", %d more below 0.1 %%", count - shown);
    }
    printf("\n");
    fflush(stdout);
}

static json_t *picture_json(const struct segmented *picture) {
    char own[24];
    int ids[256], count = rank_classes(picture, ids);
    json_t *classes = json_object();
    for (int i = 0; i < count; i++) {
        json_object_set_new(classes, class_name(picture, ids[i], own), json_real(share(picture, ids[i])));
    }
    return json_pack("{s:o, s:o, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:o}", "file", json_text(picture->input), "result",
                     json_text(picture->output), "height", picture->height, "width", picture->width, "network_height",
                     picture->run_height, "network_width", picture->run_width, "decode_ms", picture->read_ms,
                     "network_ms", picture->run_ms, "encode_ms", picture->write_ms, "classes", classes);
}

static void tell_picture(struct telling *t, const struct segmented *picture) {
    bool scaled = picture->run_height != picture->height || picture->run_width != picture->width;
    if (picture->status != FSCNN_OK) {
        t->failed++;
        fprintf(stderr, "fastscnn: %s\n", picture->err.text);
        if (t->pictures) {
            json_array_append_new(t->pictures, json_pack("{s:o, s:o}", "file", json_text(picture->input), "error",
                                                         json_text(picture->err.text)));
        }
        return;
    }
    t->run_ms += picture->run_ms;
    if (t->pictures) {
        json_array_append_new(t->pictures, picture_json(picture));
        return;
    }
    if (scaled && !t->scaling_said) {
        printf("(pictures are scaled to %dx%d for the network, its labels back to their size)\n", picture->run_height,
               picture->run_width);
        t->scaling_said = true;
    }
    print_picture(picture);
}

static void tell(void *user, const struct segmented *picture) {
    struct telling *t = user;
    t->done++;
    progress_clear(&t->bar);
    tell_picture(t, picture);
    progress_update(&t->bar, t->done, t->total);
}

static int tell_end(const struct telling *t, double seconds) {
    size_t good = t->done - t->failed;
    double rate = seconds > 0 ? (double)good / seconds : 0, mean_ms = good ? t->run_ms / (double)good : 0;
    int code = EXIT_OK;
    if (t->settings->json) {
        code = json_print(json_pack("{s:s, s:o, s:o, s:I, s:I, s:f, s:f, s:f}", "style", styles[t->settings->style],
                                    "output", json_text(t->settings->output), "pictures", t->pictures, "done",
                                    (json_int_t)good, "failed", (json_int_t)t->failed, "seconds", seconds,
                                    "pictures_per_second", rate, "network_ms_mean", mean_ms));
    } else if (good) {
        printf("%zu picture%s in %.2f s: %.2f pictures/s; the network alone %.1f ms a picture, %.2f/s\n", good,
               good == 1 ? "" : "s", seconds, rate, mean_ms, mean_ms > 0 ? 1000 / mean_ms : 0.0);
    }
    if (t->failed) {
        fprintf(stderr, "fastscnn: %zu of %zu picture%s failed\n", t->failed, t->done, t->done == 1 ? "" : "s");
        code = EXIT_BAD_INPUT;
    }
    return code;
}

static int parse(const struct command *command, int argc, char **argv, struct settings *s, int *files) {
    const struct option options[] = {
        {"output", 'o', OPTION_TEXT, &s->output, "DIR", "where the label pictures go, as NAME.png", .required = true},
        {"model", 'm', OPTION_TEXT, &s->model, "FILE", ".pth, .onnx or .fscnn (default: the one that comes along)"},
        {"style", 's', OPTION_CHOICE, &s->style, "STYLE",
         "overlay, color, trainids or labelids (for Cityscapes' 19 classes) (default overlay)", styles},
        {"size", 0, OPTION_SIZE, s->size, "HxW",
         "scale pictures to this for the network, labels back (default: as they are)"},
        {"pool", 0, OPTION_CHOICE, &s->pool, "KIND",
         ".pth: pyramid pooling fixed or adaptive (default fixed; adaptive for small pictures)", pool_choices,
         .given = &s->pool_given},
        {"threads", 't', OPTION_INT, &s->threads, "N", "of the network (default 0: one a core)", .low = 0,
         .high = MOST_THREADS},
        {"recursive", 'r', OPTION_FLAG, &s->recursive, NULL,
         "folders: also the pictures in the folders below them, but for --output"},
        {"json", 0, OPTION_FLAG, &s->json, NULL, "print JSON at the end"},
    };
    return options_parse(command, options, sizeof(options) / sizeof(options[0]), argc, argv, files);
}

/* USAGE where label ids are asked for that the model's classes do not have: told before the first picture. */
static enum fscnn_status check_style(const struct settings *s, const struct model_cache *models,
                                     struct fscnn_error *err) {
    struct fscnn_model *model;
    struct fscnn_model_info info;
    struct pool_choice pool = models->pool;
    if (s->style != FSCNN_STYLE_LABELIDS) {
        return FSCNN_OK;
    }
    enum fscnn_status status = model_open(models->path, 0, 0, &pool, &model, err);
    if (status != FSCNN_OK) {
        return status;
    }
    fscnn_model_get_info(model, &info);
    if (!classes_are_cityscapes(&info)) {
        status =
            fail(err, FSCNN_ERROR_USAGE,
                 "--style labelids: %.300s has %d classes, Cityscapes' label ids stand for 19; trainids writes the "
                 "model's own classes",
                 models->path, info.classes);
    }
    fscnn_model_free(&model);
    return status;
}

static enum fscnn_status segment(const struct settings *s, const struct name_list *inputs,
                                 const struct name_list *outputs, int *code, struct fscnn_error *err) {
    struct model_cache models;
    const struct pool_choice pool = {.kind = (enum fscnn_pool)s->pool, .given = s->pool_given};
    enum fscnn_status status = model_cache_open(s->model, pool, s->threads, &models, err);
    if (status != FSCNN_OK) {
        return status;
    }
    if (s->size[0] && models.fixed_height && (s->size[0] != models.fixed_height || s->size[1] != models.fixed_width)) {
        status = fail(err, FSCNN_ERROR_USAGE, "--size %dx%d: %s takes %dx%d only", s->size[0], s->size[1], models.path,
                      models.fixed_height, models.fixed_width);
    }
    if (status == FSCNN_OK) {
        status = check_style(s, &models, err);
    }
    struct telling telling = {.settings = s, .pictures = s->json ? json_array() : NULL, .total = inputs->count};
    struct segment_job job = {.inputs = inputs,
                              .outputs = outputs,
                              .models = &models,
                              .style = (enum fscnn_style)s->style,
                              .height = s->size[0],
                              .width = s->size[1],
                              .done = tell,
                              .user = &telling};
    double started = seconds_now();
    if (status == FSCNN_OK) {
        status = create_folder(s->output, err);
    }
    if (status == FSCNN_OK) {
        /* where it cannot be redrawn, the pictures' own lines are progress enough */
        progress_start(&telling.bar, "segment", s->json || !isatty(STDERR_FILENO));
        status = segment_run(&job, err);
        progress_finish(&telling.bar);
    }
    if (status == FSCNN_OK) {
        *code = tell_end(&telling, seconds_now() - started);
    } else {
        json_decref(telling.pictures);
    }
    model_cache_free(&models);
    return status;
}

static int run(const struct command *command, int argc, char **argv) {
    struct settings s = {.style = FSCNN_STYLE_OVERLAY};
    struct name_list inputs = {0}, outputs = {0};
    struct fscnn_error err;
    int files = 0, code = parse(command, argc, argv, &s, &files);
    if (code < 0 && files == 0) {
        code = usage_error(command, "no picture and no folder is named");
    }
    if (code >= 0) {
        return code;
    }
    enum fscnn_status status = gather_inputs(argv + 1, files, &s, &inputs, &err);
    if (status == FSCNN_OK) {
        status = name_outputs(s.output, &inputs, &outputs, &err);
    }
    if (status == FSCNN_OK) {
        status = segment(&s, &inputs, &outputs, &code, &err);
    }
    name_list_free(&inputs);
    name_list_free(&outputs);
    return status == FSCNN_OK ? code : status_error(status, &err);
}

const struct command command_segment = {
    .name = "segment",
    .arguments = "PICTURE|DIR... --output DIR",
    .summary = "segment PNG and JPEG pictures: overlays, colours or label maps",
    .example = "  fastscnn segment street.jpg --output out\n"
               "  fastscnn segment leftImg8bit/val --recursive --output labels --style labelids --model fast_scnn.pth",
    .run = run,
};
