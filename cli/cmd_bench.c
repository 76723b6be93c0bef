/* fastscnn bench: how fast a model runs, how evenly, in how much memory, and where the time goes. */
#include <stdlib.h>
#include <string.h>

#include "bench_report.h"
#include "buffers.h"
#include "commands.h"
#include "default_model.h"

struct settings {
    const char *model, *export_times;
    int precision, pool, input, output;
    int threads, streams, batch, duration, iterations, warmup;
    int size[2];
    bool pin, profile, json;
    bool precision_given, pool_given, input_given, duration_given;
};

static const char *const precisions[] = {"fp32", "bf16", "int8", NULL};
static const char *const input_types[] = {"f32", "u8", NULL};
static const char *const output_types[] = {"logits", "logits16", "labels", NULL};

static int parse(const struct command *command, int argc, char **argv, struct settings *s) {
    const struct option options[] = {
        {"model", 'm', OPTION_TEXT, &s->model, "FILE",
         ".fscnn; .onnx and .pth are compiled first (default: the one that comes along)"},
        {"precision", 0, OPTION_CHOICE, &s->precision, "KIND", ".onnx, .pth: compile for fp32 or bf16 (default fp32)",
         precisions, .given = &s->precision_given},
        {"size", 0, OPTION_SIZE, s->size, "HxW",
         ".onnx, .pth: compile for this picture size (default: the model's own)"},
        {"pool", 0, OPTION_CHOICE, &s->pool, "KIND",
         ".pth: pyramid pooling fixed or adaptive (default fixed; adaptive for small pictures)", pool_choices,
         .given = &s->pool_given},
        {"input-type", 0, OPTION_CHOICE, &s->input, "TYPE",
         "u8 RGB, or f32: normalised planes (default u8; f32 for a model without 3 channels)", input_types,
         .given = &s->input_given},
        {"output-type", 0, OPTION_CHOICE, &s->output, "TYPE",
         "labels, logits, or logits16 in half precision (default labels)", output_types},
        {"threads", 't', OPTION_INT, &s->threads, "N", "of each stream (default 0: one a core, shared by the streams)",
         .low = 0, .high = MOST_THREADS},
        {"streams", 0, OPTION_INT, &s->streams, "N", "sessions at the same time over one model (default 1)", .low = 1,
         .high = MOST_THREADS},
        {"batchsize", 'b', OPTION_INT, &s->batch, "N", "images a run (default: the model's smallest)", .low = 1,
         .high = FSCNN_MAX_BATCH},
        {"duration", 'd', OPTION_INT, &s->duration, "S", "seconds to measure (default 5; none with --iterations)",
         .low = 1, .high = 86400, .given = &s->duration_given},
        {"iterations", 'n', OPTION_INT, &s->iterations, "N",
         "runs of each stream to measure; with --duration, whichever is reached first", .low = 1,
         .high = BENCH_MAX_RUNS},
        {"warmup", 'w', OPTION_INT, &s->warmup, "N", "runs of each stream before (default 5)", .low = 0,
         .high = BENCH_MAX_RUNS},
        {"pin", 0, OPTION_FLAG, &s->pin, NULL, "bind every thread to a processor of its own, in order"},
        {"profile", 0, OPTION_FLAG, &s->profile, NULL, "a table of the steps, against the machine's roofline"},
        {"export-times", 0, OPTION_TEXT, &s->export_times, "FILE", "write every run's time there, as CSV"},
        {"json", 0, OPTION_FLAG, &s->json, NULL, "print JSON instead of text"},
    };
    return options_parse(command, options, sizeof(options) / sizeof(options[0]), argc, argv, NULL);
}

/* What does not go together, as far as it can be told without the model; -1 or an exit code. */
static int check(const struct command *command, struct settings *s) {
    if (s->precision_given && s->precision == FSCNN_INT8) {
        return usage_error(command, "--precision int8 needs calibration: compile the model with 'fastscnn compile "
                                    "--precision int8 --calibrate PICTURES' and give the .fscnn");
    }
    if (s->threads == 0) {
        s->threads = fscnn_cpu_cores() / s->streams;
        s->threads = s->threads < 1 ? 1 : s->threads > MOST_THREADS ? MOST_THREADS : s->threads;
    }
    if (s->threads * s->streams > MOST_THREADS) {
        return usage_error(command, "%d streams of %d threads: at most %d threads in all", s->streams, s->threads,
                           MOST_THREADS);
    }
    if (!s->duration_given && s->iterations) {
        s->duration = 0;
    }
    return -1;
}

static enum fscnn_status open_model(const struct settings *s, const char *path, struct fscnn_model **model,
                                    struct fscnn_error *err) {
    const struct fscnn_compile_options options = {.height = s->size[0],
                                                  .width = s->size[1],
                                                  .precision = (enum fscnn_precision)s->precision,
                                                  .num_batch_sizes = s->batch > 0,
                                                  .batch_sizes = {s->batch}};
    struct pool_choice pool = {.kind = (enum fscnn_pool)s->pool, .given = s->pool_given};
    enum fscnn_status status = model_open_as(path, &options, &pool, model, err);
    if (status != FSCNN_OK || model_is_source(path)) {
        return status;
    }
    struct fscnn_model_info info;
    fscnn_model_get_info(*model, &info);
    if (s->size[0]) {
        status = model_check_size(*model, path, "--size", s->size[0], s->size[1], err);
    }
    if (status == FSCNN_OK && s->precision_given && info.precision != (enum fscnn_precision)s->precision) {
        status = fail(err, FSCNN_ERROR_USAGE, "%.300s is compiled for %s: --precision is for .onnx and .pth", path,
                      precisions[info.precision]);
    }
    return status;
}

/* Runs, writes, prints. */
static enum fscnn_status measure(const struct settings *s, const struct bench_job *job, const char *path, int *code,
                                 struct fscnn_error *err) {
    struct bench_times times;
    struct fscnn_peak peak;
    if (!s->json) {
        bench_print_job(job, path);
    }
    enum fscnn_status status = bench_run(job, &times, err);
    struct bench_report report = {.job = job, .times = &times, .model = path, .peak_rss = memory_peak()};
    if (status == FSCNN_OK && s->profile) { /* after memory_peak: measuring takes memory itself */
        status = fscnn_cpu_peak(job->threads * job->streams, &peak, err);
        report.peak = &peak;
    }
    if (status == FSCNN_OK && s->export_times) {
        status = bench_write_times(s->export_times, &times, err);
    }
    if (status == FSCNN_OK && s->json) {
        *code = json_print(bench_json(&report));
    } else if (status == FSCNN_OK) {
        bench_print(&report);
    }
    bench_times_free(&times);
    return status;
}

static int run(const struct command *command, int argc, char **argv) {
    struct settings s = {
        .streams = 1, .duration = 5, .warmup = 5, .input = FSCNN_INPUT_U8, .output = FSCNN_OUTPUT_LABELS};
    int code = parse(command, argc, argv, &s);
    code = code < 0 ? check(command, &s) : code;
    if (code >= 0) {
        return code;
    }
    struct fscnn_error err;
    struct fscnn_model *model = NULL;
    struct fscnn_model_info info;
    struct bench_job job = {.threads = s.threads,
                            .streams = s.streams,
                            .warmup = s.warmup,
                            .iterations = s.iterations,
                            .seconds = s.duration,
                            .pin = s.pin,
                            .profile = s.profile,
                            .quiet = s.json,
                            .input = (enum fscnn_input_type)s.input,
                            .output = (enum fscnn_output_type)s.output};
    char *path = NULL;
    code = EXIT_OK;
    enum fscnn_status status = FSCNN_OK;
    if (s.model) {
        path = strdup(s.model);
        status = path ? FSCNN_OK : fail(&err, FSCNN_ERROR_MEMORY, "out of memory for a file name");
    } else {
        status = default_model_path(&path, &err);
    }
    if (status == FSCNN_OK) {
        status = open_model(&s, path, &model, &err);
    }
    if (status == FSCNN_OK) {
        job.model = model;
        job.path = path;
        fscnn_model_get_info(model, &info);
        job.input = !s.input_given && info.channels != 3 ? FSCNN_INPUT_F32 : job.input;
        status = model_choose_batch(&info, path, s.batch, &job.batch, &err);
    }
    if (status == FSCNN_OK) {
        status = measure(&s, &job, path, &code, &err);
    }
    fscnn_model_free(&model);
    free(path);
    return status == FSCNN_OK ? code : status_error(status, &err);
}

const struct command command_bench = {
    .name = "bench",
    .arguments = "[--model MODEL] [options]",
    .summary = "how fast a model runs here: latency, images a second, memory, time of each step",
    .example =
        "  fastscnn bench --model fast_scnn_bs1.fscnn --threads 2\n"
        "  fastscnn bench --model fast_scnn_bs1.fscnn --streams 2 --threads 1 --pin --json\n"
        "  fastscnn bench --model fast_scnn_bs1.fscnn --input-type f32 --output-type logits --profile\n\n"
        "The input is made up. --profile measures what the machine can do at most: operations a second in registers "
        "for\n"
        "each type, bytes a second from and to memory. The roofline of a step is the longer of two times: its\n"
        "multiply-accumulates (two operations each) at the peak of its type, and its tensors, weights, image and "
        "result,\n"
        "each moved once, at the faster of reading and writing memory; %roof is that time in percent of the measured "
        "one.\n"
        "A step whose tensors are still in a cache can beat it. Times of steps are those of the first stream's first\n"
        "thread, waiting for the others included; streams share the machine equally.\n\n"
        "--export-times writes the columns stream, run and latency_ms. The memory of a .pth or .onnx includes its\n"
        "compilation.",
    .run = run,
};
