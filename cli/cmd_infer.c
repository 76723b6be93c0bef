/* fastscnn infer: an offline model over prepared .bin and .npy files, with ais_bench's options, names and summary. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "commands.h"
#include "default_model.h"
#include "infer_run.h"

struct settings {
    const char *model, *input, *output, *dirname, *device;
    int format, output_type, pure_type, pool;
    int loop, warmup, batch, dynamic_batch, threads, limit, seconds;
    int size[2]; /* --dymHW */
    bool debug, all_summary, auto_shape, profiler, dump, pipeline, energy, json;
    bool device_given, type_given, size_given, pipeline_given, pool_given, format_given, pure_given, loop_given;
};

static const char *const formats[] = {"BIN", "NPY", "TXT", NULL};
static const char *const endings[] = {".bin", ".npy", ".txt"};
static const char *const output_types[] = {"FP32", "FP16", "UINT8", NULL};
static const char *const pure_types[] = {"zero", "random", NULL};

static int parse(const struct command *command, int argc, char **argv, struct settings *s) {
    const struct option options[] = {
        {"model", 'm', OPTION_TEXT, &s->model, "FILE", "offline model (.fscnn); .onnx and .pth are compiled first",
         .required = true},
        {"input", 'i', OPTION_TEXT, &s->input, "LIST",
         "comma list of .bin/.npy files, or a folder of them; none: made-up data"},
        {"output", 'o', OPTION_TEXT, &s->output, "DIR", "where results go; none: they are not kept"},
        {"output_dirname", 0, OPTION_TEXT, &s->dirname, "NAME", "folder made in --output (default: date and time)"},
        {"outfmt", 0, OPTION_CHOICE, &s->format, "FORMAT", "BIN, NPY or TXT (default BIN)", formats,
         .given = &s->format_given},
        {"output_type", 0, OPTION_CHOICE, &s->output_type, "TYPE",
         "FP32 or FP16 logits, UINT8 label map (default FP32; UINT8 for a model that ends in arg max)", output_types,
         .given = &s->type_given},
        {"loop", 'l', OPTION_INT, &s->loop, "N", "repetitions of every run (default 1)", .low = 1, .high = 10000000,
         .given = &s->loop_given},
        {"duration", 0, OPTION_INT, &s->seconds, "S", "made-up data: repeat for S seconds instead", .low = 1,
         .high = 86400},
        {"warmup_count", 0, OPTION_INT, &s->warmup, "N", "runs before the measured ones (default 1)"},
        {"batchsize", 0, OPTION_INT, &s->batch, "N", "images a run (default: the model's smallest)", .low = 1,
         .high = FSCNN_MAX_BATCH},
        {"dymBatch", 0, OPTION_INT, &s->dynamic_batch, "N", "the same, for models with several batch sizes", .low = 0,
         .high = FSCNN_MAX_BATCH},
        {"dymHW", 0, OPTION_SIZE, s->size, "H,W",
         "picture size: compiles .onnx and .pth for it; otherwise the model's own", .given = &s->size_given},
        {"threads", 't', OPTION_INT, &s->threads, "N",
         "of the network (default 0: one a core); reading and writing have one each", .low = 0, .high = MOST_THREADS},
        {"limit", 0, OPTION_INT, &s->limit, "N", "only the first N files (default 0: all)"},
        {"pool", 0, OPTION_CHOICE, &s->pool, "KIND",
         ".pth: pyramid pooling fixed or adaptive (default fixed; adaptive for small pictures)", pool_choices,
         .given = &s->pool_given},
        {"pure_data_type", 0, OPTION_CHOICE, &s->pure_type, "KIND", "made-up data: zero or random (default zero)",
         pure_types, .given = &s->pure_given},
        {"display_all_summary", 0, OPTION_BOOL, &s->all_summary, "BOOL", "reading and writing times too (default no)"},
        {"json", 0, OPTION_FLAG, &s->json, NULL, "print the summary as JSON instead of [INFO] lines"},
        {"debug", 0, OPTION_BOOL, &s->debug, "BOOL", "describe the model's steps (default no)"},
        {"energy_consumption", 0, OPTION_BOOL, &s->energy, "BOOL",
         "the processor's energy counters, where readable (default no)"},
        {"device", 'd', OPTION_TEXT, &s->device, "ID", "accepted; there is only the processor",
         .given = &s->device_given},
        {"pipeline", 0, OPTION_BOOL, &s->pipeline, "BOOL", "accepted; reading, running and writing always overlap",
         .given = &s->pipeline_given},
        {"profiler", 0, OPTION_BOOL, &s->profiler, "BOOL",
         "with --output: times of the steps in DIR/NAME_profile.json; --debug: on the console too"},
        {"dump", 0, OPTION_BOOL, &s->dump, "BOOL",
         "accepted with --output; operators' results do not exist one by one"},
        {"auto_set_dymshape_mode", 0, OPTION_BOOL, &s->auto_shape, "BOOL",
         "yes is refused: a model has one picture size"},
    };
    return options_parse(command, options, sizeof(options) / sizeof(options[0]), argc, argv, NULL);
}

/* What goes together and what does not; -1 or an exit code. */
static int check(const struct command *command, const struct settings *s) {
    if (s->dirname && !s->output) {
        return usage_error(command, "--output_dirname needs --output");
    }
    if (s->dirname && (s->dirname[0] == '\0' || strcmp(s->dirname, ".") == 0 || strcmp(s->dirname, "..") == 0)) {
        return usage_error(command, "--output_dirname: '%s' is not a name", s->dirname);
    }
    if ((s->profiler || s->dump) && !s->output) {
        return usage_error(command, "--%s needs --output", s->profiler ? "profiler" : "dump");
    }
    if (s->auto_shape) {
        return usage_error(
            command, "--auto_set_dymshape_mode: an offline model has one picture size; compile one for each size, "
                     "or use 'segment', which does so itself");
    }
    if (s->batch && s->dynamic_batch && s->batch != s->dynamic_batch) {
        return usage_error(command, "--batchsize %d and --dymBatch %d differ", s->batch, s->dynamic_batch);
    }
    if (s->seconds && s->input) {
        return usage_error(command, "--duration is for made-up data; with --input use --loop");
    }
    if (s->seconds && s->loop_given) {
        return usage_error(command, "--duration and --loop exclude each other");
    }
    if (s->format_given && !s->output) {
        return usage_error(command, "--outfmt needs --output");
    }
    if (s->pure_given && s->input) {
        return usage_error(command, "--pure_data_type is for made-up data; with --input there is none");
    }
    if (s->limit && !s->input) {
        return usage_error(command, "--limit needs --input");
    }
    return -1;
}

/* "[INFO] ..." on the console, unless JSON goes there. */
static void say(const struct settings *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct settings *s, const char *format, ...) {
    if (s->json) {
        return;
    }
    va_list args;
    va_start(args, format);
    printf("[INFO] ");
    vprintf(format, args);
    putchar('\n');
    fflush(stdout); /* before the progress bar's next line */
    va_end(args);
}

static void say_without_effect(const struct settings *s) {
    if (s->device_given && strcmp(s->device, "0") != 0) {
        say(s, "--device %s: there are no devices to choose from; the processor computes", s->device);
    }
    if (s->pipeline_given) {
        say(s, "--pipeline %s: reading, running and writing overlap in any case", s->pipeline ? "yes" : "no");
    }
    if (s->dump) {
        say(s, "--dump: nothing is dumped; fused operators leave no results one by one");
    }
}

/* Opens the model for the batch size that was asked for. */
static enum fscnn_status open_model(const struct settings *s, int batch, struct fscnn_model **model,
                                    struct fscnn_error *err) {
    const struct fscnn_compile_options options = {
        .height = s->size[0], .width = s->size[1], .num_batch_sizes = batch > 0, .batch_sizes = {batch}};
    struct pool_choice pool = {.kind = (enum fscnn_pool)s->pool, .given = s->pool_given};
    enum fscnn_status status = model_open_as(s->model, &options, &pool, model, err);
    if (status == FSCNN_OK && s->size_given) {
        status = model_check_size(*model, s->model, "--dymHW", s->size[0], s->size[1], err);
    }
    return status;
}

static void say_model(const struct settings *s, const struct fscnn_model_info *info, int batch,
                      enum fscnn_output_type type) {
    static const char *const precisions[] = {"fp32", "bf16", "int8"};
    static const char *const types[] = {"float32", "float16", "uint8 labels"};
    int threads = s->threads ? s->threads : fscnn_cpu_cores();
    char channels[16] = "";
    if (type != FSCNN_OUTPUT_LABELS) {
        snprintf(channels, sizeof(channels), " %d,", info->classes);
    }
    say(s, "load model %s success", s->model);
    say(s, "%s [%d, %d, %d, %d] -> %s %s [%d,%s %d, %d], %s, %s kernels, %d thread%s", info->input_name, batch,
        info->channels, info->height, info->width, info->output_name, types[type], batch, channels, info->output_height,
        info->output_width, precisions[info->precision], fscnn_cpu_isa(), threads, threads == 1 ? "" : "s");
}

static void debug_line(void *user, const char *text) {
    (void)user;
    printf("[DEBUG] %s\n", text);
}

static void say_warm(void *user, int times) { say(user, "warm up %d done", times); }

static void say_inputs(const struct settings *s, const struct infer_inputs *inputs) {
    if (inputs->files.count) {
        say(s, "get filesperbatch files0 size:%zu tensor0size:%zu filesperbatch:%d runcount:%zu", inputs->file_bytes,
            inputs->batch_bytes, inputs->files_per_batch, inputs->runs);
        if (inputs->files.count % (size_t)inputs->files_per_batch) {
            say(s,
                "the last batch has %zu of %d files: filled up with copies of its first, whose results are not written",
                inputs->files.count % (size_t)inputs->files_per_batch, inputs->files_per_batch);
        }
    } else {
        say(s, "no --input: made-up data, %s", pure_types[s->pure_type]);
    }
}

/* Joules since boot or the last overflow, all packages together; -1 where the kernel gives none. */
static double energy_joules(void) {
    double sum = -1;
    for (int i = 0; i < 16; i++) {
        char path[96];
        double microjoules;
        snprintf(path, sizeof(path), "/sys/class/powercap/intel-rapl:%d/energy_uj", i);
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%lf", &microjoules) == 1) {
            sum = (sum < 0 ? 0 : sum) + microjoules / 1e6;
        }
        if (file) {
            fclose(file);
        }
    }
    return sum;
}

/* What has been used since `before`; -1 where the counters cannot be read or began anew. */
static double energy_used(double before) {
    double after = energy_joules();
    return before < 0 || after < before ? -1 : after - before;
}

static void say_energy(const struct settings *s, double joules, uint64_t images) {
    if (joules < 0) {
        say(s, "energy_consumption: this machine gives no energy counters to read");
    } else {
        say(s, "energy_consumption: %.1f J, %.3f J an image (whole package)", joules,
            joules / (double)(images ? images : 1));
    }
}

/* A folder in `above` named by the time, in fresh memory. A second run that begins in the same second gets "_1" and so
 * on behind it: results of two runs do not mix unasked. */
static enum fscnn_status make_dated_folder(const char *above, char **folder, struct fscnn_error *err) {
    char stamp[64], name[96];
    time_t now = time(NULL);
    struct tm local;
    if (!localtime_r(&now, &local) || strftime(stamp, sizeof(stamp), "%Y_%m_%d-%H_%M_%S", &local) == 0) {
        snprintf(stamp, sizeof(stamp), "%lld", (long long)now);
    }
    for (int turn = 0;; turn++) {
        snprintf(name, sizeof(name), turn ? "%s_%d" : "%s", stamp, turn);
        *folder = join_path(above, name);
        if (!*folder) {
            return fail(err, FSCNN_ERROR_MEMORY, "out of memory for a file name");
        }
        if (mkdir(*folder, 0777) == 0) {
            return FSCNN_OK;
        }
        if (errno != EEXIST) {
            return fail(err, FSCNN_ERROR_IO, "%s: %s", *folder, strerror(errno));
        }
        free(*folder);
    }
}

/* Makes the folder of the results; *folder in fresh memory, whatever is returned. */
static enum fscnn_status make_folder(const struct settings *s, char **folder, struct fscnn_error *err) {
    enum fscnn_status status = create_folder(s->output, err); /* before "/" hides that it is empty */
    if (status != FSCNN_OK) {
        return status;
    }
    if (!s->dirname) {
        return make_dated_folder(s->output, folder, err);
    }
    *folder = join_path(s->output, s->dirname);
    if (!*folder) {
        return fail(err, FSCNN_ERROR_MEMORY, "out of memory for a file name");
    }
    for (size_t n = strlen(*folder); n > 1 && (*folder)[n - 1] == '/'; n--) {
        (*folder)[n - 1] = '\0'; /* the summary's name is made from it */
    }
    return create_folder(*folder, err);
}

/* What --json adds to the summary. */
static json_t *more_json(const struct settings *s, const struct infer_job *job, const struct infer_times *times,
                         double joules) {
    double rate = times->wall > 0 ? (double)times->images / times->wall : 0;
    json_t *json = json_pack("{s:o, s:i, s:I, s:i, s:s, s:s, s:f, s:f, s:o}", "model", json_text(s->model), "batchsize",
                             job->inputs->batch, "images", (json_int_t)times->images, "threads",
                             s->threads ? s->threads : fscnn_cpu_cores(), "kernels", fscnn_cpu_isa(), "output_type",
                             output_types[job->type], "wall_seconds", times->wall, "wall_images_per_second", rate,
                             "output", job->folder ? json_text(job->folder) : json_null());
    if (json && s->energy) {
        double images = (double)(times->images ? times->images : 1);
        json_t *energy =
            joules < 0 ? json_null() : json_pack("{s:f, s:f}", "joules", joules, "joules_per_image", joules / images);
        json_object_set_new(json, "energy_consumption", energy);
    }
    if (json && times->step_ms) {
        json_object_set_new(json, "profile", infer_profile_json(times, job->model));
    }
    return json;
}

static int print_report(const struct settings *s, const struct infer_job *job, const struct infer_times *times,
                        double joules) {
    double rate = times->wall > 0 ? (double)times->images / times->wall : 0;
    if (s->json) {
        json_t *json = infer_summary_json(times, job->inputs->batch), *more = more_json(s, job, times, joules);
        if (!json || !more || json_object_update_new(json, more) < 0) {
            json_decref(json);
            json = NULL;
        }
        return json_print(json);
    }
    infer_print_summary(times, job->inputs->batch, s->all_summary);
    if (times->step_ms && s->debug) {
        infer_print_profile(times, job->model);
    }
    say(s, "wall clock: %llu image%s in %.3f s, %.3f images/s, reading and writing included",
        (unsigned long long)times->images, times->images == 1 ? "" : "s", times->wall, rate);
    if (s->energy) {
        say_energy(s, joules, times->images);
    }
    return EXIT_OK;
}

/* FOLDER_summary.json and, where steps were measured, FOLDER_profile.json. */
static enum fscnn_status write_reports(const struct settings *s, const struct infer_job *job,
                                       const struct infer_times *times, int argc, char **argv,
                                       struct fscnn_error *err) {
    char *summary = NULL, *profile = NULL;
    if (asprintf(&summary, "%s_summary.json", job->folder) < 0) {
        return fail(err, FSCNN_ERROR_MEMORY, "out of memory for a file name");
    }
    enum fscnn_status status =
        infer_write_summary(summary, times, job->inputs, job->folder, job->ending, argc, argv, err);
    if (status == FSCNN_OK) {
        say(s, "summary: %s", summary);
    }
    free(summary);
    if (status != FSCNN_OK || !times->step_ms) {
        return status;
    }
    if (asprintf(&profile, "%s_profile.json", job->folder) < 0) {
        return fail(err, FSCNN_ERROR_MEMORY, "out of memory for a file name");
    }
    status = json_write(profile, infer_profile_json(times, job->model), err);
    if (status == FSCNN_OK) {
        say(s, "profile: %s", profile);
    }
    free(profile);
    return status;
}

/* The model is open, the inputs are known: run, write, report. */
static enum fscnn_status run_job(const struct settings *s, struct infer_job *job, int argc, char **argv, int *code,
                                 struct fscnn_error *err) {
    char *folder = NULL;
    struct infer_times times = {0};
    enum fscnn_status status = FSCNN_OK;
    if (s->output) {
        status = infer_inputs_check_names(job->inputs, err);
        if (status == FSCNN_OK) {
            status = make_folder(s, &folder, err);
        }
        if (status != FSCNN_OK) {
            goto done;
        }
        say(s, "output path: %s", folder);
    }
    job->folder = folder;
    double joules = s->energy ? energy_joules() : 0;
    status = infer_run(job, &times, err);
    joules = energy_used(joules);
    if (status == FSCNN_OK && folder) {
        status = write_reports(s, job, &times, argc, argv, err);
    }
    if (status == FSCNN_OK) {
        *code = print_report(s, job, &times, joules);
    }
done:
    infer_times_free(&times);
    free(folder);
    return status;
}

static int run(const struct command *command, int argc, char **argv) {
    struct settings s = {.loop = 1, .warmup = 1, .device = "0"};
    int code = parse(command, argc, argv, &s);
    code = code < 0 ? check(command, &s) : code;
    if (code >= 0) {
        return code;
    }
    struct fscnn_error err;
    struct fscnn_model *model = NULL;
    struct fscnn_model_info info;
    struct infer_inputs inputs = {0};
    int asked = s.dynamic_batch ? s.dynamic_batch : s.batch, batch;
    code = EXIT_OK;
    say_without_effect(&s);
    enum fscnn_status status = open_model(&s, asked, &model, &err);
    if (status == FSCNN_OK) {
        fscnn_model_get_info(model, &info);
        status = model_choose_batch(&info, s.model, asked, &batch, &err);
    }
    if (status == FSCNN_OK) {
        enum fscnn_output_type type =
            info.output_is_labels && !s.type_given ? FSCNN_OUTPUT_LABELS : (enum fscnn_output_type)s.output_type;
        struct infer_job job = {.model = model,
                                .path = s.model,
                                .inputs = &inputs,
                                .threads = s.threads,
                                .warmup = s.warmup,
                                .loop = s.loop,
                                .seconds = s.seconds,
                                .random = s.pure_type == 1,
                                .type = type,
                                .format = (enum result_format)s.format,
                                .ending = endings[s.format],
                                .quiet = s.json,
                                .profile = s.profiler,
                                .warmed_up = say_warm,
                                .user = &s};
        say_model(&s, &info, batch, type);
        if (s.debug && !s.json) {
            fscnn_model_describe(model, (struct fscnn_log){.line = debug_line});
        }
        status = infer_inputs_open(s.input, s.limit, model, batch, &inputs, &err);
        if (status == FSCNN_OK) {
            say_inputs(&s, &inputs);
            status = run_job(&s, &job, argc, argv, &code, &err);
        }
    }
    infer_inputs_free(&inputs);
    fscnn_model_free(&model);
    return status == FSCNN_OK ? code : status_error(status, &err);
}

const struct command command_infer = {
    .name = "infer",
    .arguments = "--model MODEL [--input FILES|DIR] [--output DIR]",
    .summary = "run a model over .bin/.npy files: results, times, summary (ais_bench's options)",
    .example = "  fastscnn infer --model fast_scnn_bs1.fscnn --input prep/leftImg8bit --output result \\\n"
               "      --output_dirname dumpout_bs1 --outfmt BIN --batchsize 1\n"
               "  fastscnn infer --model fast_scnn_bs1.fscnn --loop 100          (speed alone, made-up data)",
    .run = run,
};
