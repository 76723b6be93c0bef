/* fastscnn compile: ONNX file or checkpoint -> offline model, with ATC's options and messages. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "compile_request.h"
#include "default_model.h"
#include "default_pictures.h"
#include "model_text.h"
#include "sensitivity_output.h"
#include "statistics.h"

static const char *const output_types[] = {"FP32", "FP16", "UINT8", NULL};

/* What the library reports while it compiles: kept for the summary, shown at --log=info. */
struct compile_log {
    json_t *lines;
    bool shown;
};

struct settings {
    struct compile_words words;
    int pool, output_type, calibrate_limit;
    bool json, output_type_given, pool_given;
    char limit_word[16]; /* words.calibrate_limit */
    json_t *layers;      /* of the sensitivity report; NULL where there is none */
};

/* ATC says --json=FILE (with --mode=1), everyone else --json; the former goes on as --json_file=FILE. Returns the
 * rewritten argument, which the caller frees; NULL where there was none. */
static char *rewrite_json(int argc, char **argv) {
    char *rewritten = NULL;
    for (int i = 1; i < argc && !rewritten; i++) {
        if (strncmp(argv[i], "--json=", 7) == 0 && asprintf(&rewritten, "--json_file=%s", argv[i] + 7) >= 0) {
            argv[i] = rewritten;
        }
    }
    return rewritten;
}

static int parse(const struct command *command, int argc, char **argv, struct settings *s) {
    struct compile_words *w = &s->words;
    const struct option options[] = {
        {"model", 'm', OPTION_TEXT, &w->model, "FILE", "ONNX file or checkpoint (.pth) (required)"},
        {"output", 'o', OPTION_TEXT, &w->output, "NAME", "offline model to write; .fscnn is added (required)"},
        {"framework", 0, OPTION_TEXT, &w->framework, "5", "5: ONNX; a checkpoint needs none"},
        {"input_format", 0, OPTION_TEXT, &w->input_format, "NCHW", "layout of float input"},
        {"input_shape", 0, OPTION_TEXT, &w->input_shape, "SHAPE", "\"image:1,3,1024,2048\" (default: the model's)"},
        {"dynamic_batch_size", 0, OPTION_TEXT, &w->batches, "LIST", "\"1,2,4,8\", with -1 as batch in --input_shape"},
        {"precision", 0, OPTION_TEXT, &w->precision, "KIND",
         "fp32, bf16 or int8, which should have --calibrate (default fp32)"},
        {"calibrate", 0, OPTION_TEXT, &w->calibrate, "DIR",
         "int8: a folder of pictures like those to come (default: 8 painted street scenes)"},
        {"calibrate_limit", 0, OPTION_INT, &s->calibrate_limit, "N", "int8: look at N pictures at most (default 32)",
         .low = 1, .high = 128},
        {"calibration_method", 0, OPTION_TEXT, &w->calibration_method, "KIND",
         "int8: ranges by percentile, mse, minmax or entropy (default percentile)"},
        {"accuracy_budget", 0, OPTION_TEXT, &w->accuracy_budget, "PERCENT",
         "int8: keep layers in bf16 until no more of the labels differ from fp32's"},
        {"sensitivity_report", 0, OPTION_TEXT, &w->sensitivity_report, "FILE",
         "int8: write as JSON what quantising each layer alone costs; a table with --log=info"},
        {"exact", 0, OPTION_FLAG, &w->exact, NULL,
         "fp32: 24 bits of every number, also where a test shows that AMX may take 16"},
        {"precision_mode", 0, OPTION_TEXT, &w->precision_mode, "MODE",
         "ATC's words: force_fp32 is fp32; force_fp16, allow_mix_precision, ... are bf16"},
        {"pool", 0, OPTION_CHOICE, &s->pool, "KIND", "checkpoint: pyramid pooling fixed or adaptive (default fixed)",
         pool_choices, .given = &s->pool_given},
        {"out_nodes", 0, OPTION_TEXT, &w->out_nodes, "NAME", "ONNX: which output (default: the first)"},
        {"log", 0, OPTION_TEXT, &w->log, "LEVEL",
         "null (default), error, warning, info (also what is read and left out), debug (every step); a summary at "
         "each"},
        {"soc_version", 0, OPTION_TEXT, &w->soc_version, "TARGET", "native"},
        {"mode", 0, OPTION_TEXT, &w->mode, "N", "0 build, 1 describe in JSON, 3 check only, 6 show an offline model"},
        {"om", 0, OPTION_TEXT, &w->om, "FILE", "modes 1 and 6: the offline model"},
        {"json_file", 0, OPTION_TEXT, &w->json_file, "FILE", "mode 1: what to write; ATC's --json=FILE means the same"},
        {"check_report", 0, OPTION_TEXT, &w->check_report, "FILE", "write the verdict as JSON"},
        {"json", 0, OPTION_FLAG, &s->json, NULL, "print the result as JSON"},
        {"output_type", 0, OPTION_CHOICE, &s->output_type, "TYPE", "accepted; the type is chosen when the model runs",
         output_types, .given = &s->output_type_given},
        {"fusion_switch_file", 0, OPTION_TEXT, &w->fusion_switch_file, "FILE", "accepted; every fusion is on"},
        {"dynamic_image_size", 0, OPTION_TEXT, &w->image_sizes, "LIST", "refused: one offline model for each size"},
        {"insert_op_conf", 0, OPTION_TEXT, &w->insert_op_conf, "FILE",
         "refused: uint8 input and its scaling are built in"},
    };
    int code = options_parse(command, options, sizeof(options) / sizeof(options[0]), argc, argv, NULL);
    if (s->pool_given) {
        w->pool = pool_choices[s->pool];
    }
    if (s->calibrate_limit) {
        snprintf(s->limit_word, sizeof(s->limit_word), "%d", s->calibrate_limit);
        w->calibrate_limit = s->limit_word;
    }
    return code;
}

static void keep_line(void *user, const char *text) {
    const struct compile_log *log = user;
    json_array_append_new(log->lines, json_text(text));
    if (log->shown) {
        printf("[INFO] %s\n", text);
    }
}

/* What passes did: the lines that end in how often ("batch norms folded: 22"). */
static void print_fusions(const json_t *lines) {
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *line = json_string_value(json_array_get(lines, i)), *count = line ? strrchr(line, ':') : NULL;
        if (count && count[1] == ' ' && count[2] && count[2 + strspn(count + 2, "0123456789")] == '\0') {
            printf("fused        %s\n", line);
        }
    }
}

/* What was measured: how many bits of numbers fp32 takes, which layers the accuracy budget keeps out of int8. */
static bool is_measured(const char *line) {
    static const char *const phrases[] = {"fp32 with ", "kept in bf16: ", " layers in int8: "};
    return strstr(line, phrases[0]) == line || strstr(line, phrases[1]) == line || strstr(line, phrases[2]);
}

static void print_measured(const json_t *lines) {
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *line = json_string_value(json_array_get(lines, i));
        if (line && is_measured(line)) {
            printf("measured     %s\n", line);
        }
    }
}

static void print_memory(void *user, const char *text) {
    (void)user;
    printf("memory plan  %s\n", text);
}

static void print_debug(void *user, const char *text) {
    (void)user;
    printf("[DEBUG] %s\n", text);
}

/* Options of the guide that mean nothing on a processor: one line each about what they did. */
static void say_without_effect(const struct settings *s, const struct compile_request *request) {
    const char *model = s->words.model ? s->words.model : s->words.om;
    if (request->bf16_for_fp16) {
        printf("--precision_mode=%s: there are no fp16 kernels; bf16 is used\n", s->words.precision_mode);
    }
    if (s->output_type_given) {
        printf("--output_type=%s: nothing to fix now; choose when running, as in 'infer --output_type %s'\n",
               output_types[s->output_type], output_types[s->output_type]);
    }
    if (s->words.fusion_switch_file) {
        printf("--fusion_switch_file: %s was not read; every fusion is on, none changes what is computed\n",
               s->words.fusion_switch_file);
    }
    static const char *const onnx_endings[] = {".onnx", NULL};
    if (s->words.framework && model_is_source(model) && !ends_in(model, onnx_endings)) {
        printf("--framework=5: %s is read as what it is by content\n", model);
    }
}

/* "model.fscnn" in fresh memory. */
static char *with_ending(const char *name, const char *ending) {
    const char *const endings[] = {ending, NULL};
    char *path = NULL;
    return asprintf(&path, "%s%s", name, ends_in(name, endings) ? "" : ending) < 0 ? NULL : path;
}

static enum fscnn_status open_model(const struct compile_words *words, const struct compile_request *request,
                                    struct fscnn_model **model, struct fscnn_error *err) {
    const char *path = words->model ? words->model : words->om;
    if (request->mode == MODE_INFO || (request->mode == MODE_JSON && !model_is_source(path))) {
        return fscnn_model_load(path, model, err);
    }
    enum fscnn_status status = fscnn_compile(path, &request->options, model, err);
    /* ATC writes NAME:0, ONNX files hold NAME (and some NAME:0). */
    const char *name = request->options.output_name;
    size_t length = name ? strlen(name) : 0;
    if (status == FSCNN_ERROR_USAGE && length > 2 && strcmp(name + length - 2, ":0") == 0) {
        struct fscnn_compile_options options = request->options;
        struct fscnn_error ignored;
        char *bare = strndup(name, length - 2);
        options.output_name = bare;
        if (bare && fscnn_compile(path, &options, model, &ignored) == FSCNN_OK) {
            status = FSCNN_OK;
        }
        free(bare);
    }
    return status;
}

static int painted_side(int side) { return side < 64 ? 64 : side > 4096 ? 4096 : side; }

/* Pictures to calibrate on, where none are named: of the size that the network will see, as far as the painter goes.
 * What is wrong with the model is told before it paints. */
static enum fscnn_status paint_pictures(const struct compile_words *words, struct compile_request *request,
                                        struct default_pictures *pictures, struct fscnn_error *err) {
    struct compile_request plain = *request;
    struct fscnn_model *model = NULL;
    struct fscnn_model_info info;
    plain.options.precision = FSCNN_FP32;
    plain.options.exact = true; /* which takes no time */
    plain.options.log = (struct fscnn_log){0};
    enum fscnn_status status = open_model(words, &plain, &model, err);
    if (status != FSCNN_OK) {
        return status;
    }
    fscnn_model_get_info(model, &info);
    fscnn_model_free(&model);
    fprintf(stderr,
            "fastscnn: warning: int8 calibrates on %d painted street scenes; pictures like those to come make it more "
            "accurate: --calibrate DIR\n",
            DEFAULT_PICTURES);
    status = default_pictures_make(painted_side(info.height), painted_side(info.width), pictures, err);
    request->options.calibration = pictures->folder;
    return status;
}

static void print_model_info(const struct fscnn_model *model, const char *path) {
    struct fscnn_model_info info;
    fscnn_model_get_info(model, &info);
    printf("============ Display Model Info start ============\n");
    printf("system   info: fastscnn_version[%s], soc_version[native], framework_type[5]\n", fscnn_version());
    printf("resource info: memory_size[%llu B], weight_size[%llu B], scratch_size_per_thread[%llu B]\n",
           (unsigned long long)info.activation_bytes, (unsigned long long)info.weight_bytes,
           (unsigned long long)info.scratch_bytes);
    printf("om       info: %s\n", path);
    model_print(model);
    printf("============ Display Model Info end   ============\n");
}

static void print_result(const struct settings *s, const struct fscnn_model *model, const json_t *lines,
                         const char *path, double seconds) {
    struct stat st;
    printf("model        %s%s%s\n", s->words.model, path ? " -> " : ": compiles", path ? path : "");
    if (path && stat(path, &st) == 0) {
        printf("file         %.2f MB, compiled in %.2f s\n", (double)st.st_size / 1e6, seconds);
    }
    print_fusions(lines);
    print_measured(lines);
    fscnn_model_describe_memory(model, (struct fscnn_log){.line = print_memory});
    model_print(model);
}

static enum fscnn_status no_name(struct fscnn_error *err) {
    return fail(err, FSCNN_ERROR_MEMORY, "out of memory for a file name");
}

/* What the mode asks for, with the open model; false with *why filled where it cannot be written. */
static bool finish(const struct settings *s, const struct compile_request *request, const struct fscnn_model *model,
                   const json_t *lines, double seconds, char **path, struct coded_error *why) {
    const struct compile_words *w = &s->words;
    const char *source = w->model ? w->model : w->om;
    struct fscnn_error err;
    enum fscnn_status status = FSCNN_OK;
    if (request->log == LOG_DEBUG && !s->json) {
        fscnn_model_describe(model, (struct fscnn_log){.line = print_debug});
    }
    if (request->mode == MODE_BUILD) {
        *path = with_ending(w->output, ".fscnn");
        status = *path ? fscnn_model_save(model, *path, &err) : no_name(&err);
    } else if (request->mode == MODE_JSON) {
        *path = w->json_file ? strdup(w->json_file) : with_ending(w->output, ".json");
        status = *path ? json_write(*path, model_json(model), &err) : no_name(&err);
    }
    if (status != FSCNN_OK) {
        bool json = request->mode == MODE_JSON && w->json_file;
        return compile_write_failed(json ? "json" : "output", json ? w->json_file : w->output, &err, why);
    }
    if (!s->json) {
        if (request->mode == MODE_INFO) {
            print_model_info(model, source);
        } else if (request->mode == MODE_JSON) {
            printf("model        %s -> %s\n", source, *path);
        } else {
            print_result(s, model, lines, *path, seconds);
        }
        if (s->layers && request->log >= LOG_INFO) {
            sensitivity_print(s->layers);
        }
    }
    if (w->sensitivity_report) {
        status = json_write(w->sensitivity_report,
                            json_pack("{s:o, s:O, s:O}", "model", json_text(source), "log", lines, "layers", s->layers),
                            &err);
    }
    return status == FSCNN_OK || compile_write_failed("sensitivity_report", w->sensitivity_report, &err, why);
}

/* The verdict as a file, where it was asked for. */
static enum fscnn_status write_check_report(const struct settings *s, const struct coded_error *why,
                                            struct fscnn_error *err) {
    if (!s->words.check_report) {
        return FSCNN_OK;
    }
    const char *model = s->words.model ? s->words.model : s->words.om;
    bool failed = why->code[0] != '\0';
    return json_write(s->words.check_report,
                      json_pack("{s:s, s:o, s:s, s:o, s:o}", "result", failed ? "failed" : "success", "model",
                                model ? json_text(model) : json_null(), "code", why->code, "reason",
                                json_text(why->text), "solution", json_text(why->solution)),
                      err);
}

static void print_failure(const struct settings *s, const struct coded_error *why) {
    fprintf(stderr, "ATC run failed, please check the detail log.\n%s: %s\n        Solution: %s.\n", why->code,
            why->text, why->solution);
    if (s->json) {
        json_print(json_pack("{s:s, s:s, s:o, s:o}", "result", "failed", "code", why->code, "reason",
                             json_text(why->text), "solution", json_text(why->solution)));
    }
}

static int report_failure(const struct settings *s, const struct coded_error *why, int code) {
    struct fscnn_error err;
    print_failure(s, why);
    enum fscnn_status status = write_check_report(s, why, &err);
    return status == FSCNN_OK ? code : status_error(status, &err);
}

static int report_success(const struct settings *s, const struct fscnn_model *model, json_t *lines, const char *path,
                          double seconds) {
    struct fscnn_error err;
    struct coded_error why = {.code = ""};
    if (write_check_report(s, &why, &err) != FSCNN_OK) {
        compile_write_failed("check_report", s->words.check_report, &err, &why);
        print_failure(s, &why);
        return EXIT_BAD_INPUT;
    }
    if (s->json) {
        return json_print(json_pack("{s:s, s:o, s:f, s:O, s:O?, s:o}", "result", "success", "file",
                                    path ? json_text(path) : json_null(), "seconds", seconds, "log", lines,
                                    "sensitivity", s->layers, "model", model_json(model)));
    }
    printf("ATC run success, welcome to the next use.\n");
    return EXIT_OK;
}

static int compile(struct settings *s, struct compile_request *request) {
    struct fscnn_error err;
    struct coded_error why;
    struct fscnn_model *model = NULL;
    struct fscnn_model_info info;
    struct default_pictures pictures = {.count = 0};
    char *path = NULL;
    int code;
    struct compile_log log = {.lines = json_array(), .shown = request->log >= LOG_INFO && !s->json};
    request->options.log = (struct fscnn_log){.line = keep_line, .user = &log};
    if (s->words.accuracy_budget || s->words.sensitivity_report) {
        s->layers = json_array();
        request->options.sensitivity = sensitivity_collect(s->layers);
    }
    double started = seconds_now();
    enum fscnn_status status = request->paints ? paint_pictures(&s->words, request, &pictures, &err) : FSCNN_OK;
    if (status == FSCNN_OK) {
        status = open_model(&s->words, request, &model, &err);
    }
    default_pictures_remove(&pictures);
    double seconds = seconds_now() - started;
    if (status != FSCNN_OK) {
        bool may = status == FSCNN_ERROR_USAGE || status == FSCNN_ERROR_UNSUPPORTED;
        bool misnames = may && compile_request_misnames(&s->words, request, &why);
        if (!misnames) {
            compile_failure_code(&s->words, status, &err, &why);
        }
        code = report_failure(s, &why, misnames || status == FSCNN_ERROR_USAGE ? EXIT_BAD_USAGE : EXIT_BAD_INPUT);
        goto done;
    }
    fscnn_model_get_info(model, &info);
    if (!compile_request_fits(&s->words, request, &info, &why)) {
        code = report_failure(s, &why, EXIT_BAD_USAGE);
        goto done;
    }
    code = finish(s, request, model, log.lines, seconds, &path, &why)
               ? report_success(s, model, log.lines, path, seconds)
               : report_failure(s, &why, EXIT_BAD_INPUT);
done:
    request->options.log = (struct fscnn_log){0};
    request->options.calibration = NULL;
    json_decref(log.lines);
    json_decref(s->layers);
    free(path);
    fscnn_model_free(&model);
    return code;
}

static int run(const struct command *command, int argc, char **argv) {
    struct settings s = {.pool = FSCNN_POOL_FIXED};
    struct compile_request request = {0};
    struct coded_error why;
    char *rewritten = rewrite_json(argc, argv);
    int code = parse(command, argc, argv, &s);
    request.options.pool = (enum fscnn_pool)s.pool;
    request.options.calibration_limit = s.calibrate_limit;
    if (code < 0 && !compile_request_parse(&s.words, &request, &why)) {
        code = report_failure(&s, &why, EXIT_BAD_USAGE);
    }
    if (code < 0) {
        if (!s.json) {
            say_without_effect(&s, &request);
        }
        code = compile(&s, &request);
    }
    free(rewritten);
    return code;
}

const struct command command_compile = {
    .name = "compile",
    .arguments = "--model FILE --output NAME [--input_shape \"image:1,3,1024,2048\"]",
    .summary = "ONNX file or checkpoint -> offline model .fscnn (ATC's options)",
    .example =
        "  fastscnn compile --framework=5 --model=fast_scnn_bs1.onnx --output=fast_scnn_bs1 --input_format=NCHW \\\n"
        "      --input_shape=\"image:1,3,1024,2048\" --log=error --soc_version=native\n"
        "  fastscnn compile --model fast_scnn.pth --output fast_scnn --input_shape \"image:-1,3,1024,2048\" \\\n"
        "      --dynamic_batch_size \"1,2,4,8\"",
    .run = run,
};
