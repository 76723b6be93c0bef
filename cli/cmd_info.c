/* fastscnn info: this machine, or what is in a model file. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "default_model.h"
#include "model_text.h"

static void print_line(void *user, const char *text) {
    (void)user;
    const char *colon = strstr(text, ": ");
    if (colon) {
        printf("%-24.*s %s\n", (int)(colon - text), text, colon + 2);
    } else {
        puts(text);
    }
}

static void print_plain(void *user, const char *text) {
    (void)user;
    puts(text);
}

/* "cores: 2 usable" -> "cores": "2 usable" */
static void add_pair(void *user, const char *text) {
    const char *colon = strstr(text, ": ");
    char key[128];
    if (colon) {
        snprintf(key, sizeof(key), "%.*s", (int)(colon - text), text);
        json_object_set_new(user, key, json_text(colon + 2));
    }
}

static int describe_machine(bool json) {
    char *path = NULL;
    struct fscnn_error err;
    int code = EXIT_OK;
    enum fscnn_status status = default_model_path(&path, &err);
    if (json) {
        json_t *machine = json_object();
        fscnn_cpu_describe((struct fscnn_log){.line = add_pair, .user = machine});
        code = json_print(json_pack("{s:s, s:o, s:s, s:i, s:I, s:o}", "version", fscnn_version(), "machine", machine,
                                    "kernels", fscnn_cpu_isa(), "usable_cores", fscnn_cpu_cores(), "memory_available",
                                    (json_int_t)fscnn_memory_available(), "default_model",
                                    status == FSCNN_OK ? json_text(path) : json_null()));
    } else {
        printf("%-24s %s\n", "fastscnn", fscnn_version());
        fscnn_cpu_describe((struct fscnn_log){.line = print_line});
        printf("%-24s %s\n", "default model", status == FSCNN_OK ? path : err.text);
    }
    free(path);
    return code;
}

static void print_model(const struct fscnn_model *model) {
    model_print(model);
    printf("\n");
    fscnn_model_describe(model, (struct fscnn_log){.line = print_plain});
}

static int describe_offline_model(const char *path, bool json) {
    struct fscnn_error err;
    struct fscnn_model *model;
    enum fscnn_status status = fscnn_model_load(path, &model, &err);
    if (status != FSCNN_OK) {
        return status_error(status, &err);
    }
    int code = EXIT_OK;
    if (json) {
        code = json_print(model_json(model));
    } else {
        printf("offline model %s\n", path);
        print_model(model);
    }
    fscnn_model_free(&model);
    return code;
}

/* What is in the file, and what becomes of it when it is compiled for its own or the usual size. */
static int describe_source(const char *path, bool json) {
    struct fscnn_error err;
    struct fscnn_model *model = NULL;
    json_t *lines = json ? json_array() : NULL;
    struct fscnn_log log = json ? json_log(lines) : (struct fscnn_log){.line = print_plain};
    int code = EXIT_OK;
    enum fscnn_status status = fscnn_file_describe(path, log, &err);
    if (status != FSCNN_OK) {
        json_decref(lines);
        return status_error(model_explain(path, status, &err), &err);
    }
    const struct fscnn_compile_options options = {.exact = true}; /* which takes no time */
    status =
        fscnn_compile(path, &options, &model, &err); /* a file that cannot be compiled can be described all the same */
    if (json) {
        code = json_print(json_pack("{s:o, s:o, s:o, s:o}", "file", json_text(path), "description", lines, "compiled",
                                    status == FSCNN_OK ? model_json(model) : json_null(), "compile_error",
                                    status == FSCNN_OK ? json_null() : json_text(err.text)));
    } else if (status == FSCNN_OK) {
        printf("\nCompiled:\n");
        print_model(model);
    } else {
        printf("\nCannot be compiled: %s\n", err.text);
    }
    fscnn_model_free(&model);
    return code;
}

static int run(const struct command *command, int argc, char **argv) {
    bool json = false;
    int files = 0;
    const struct option options[] = {
        {"json", 0, OPTION_FLAG, &json, NULL, "print JSON"},
    };
    int code = options_parse(command, options, sizeof(options) / sizeof(options[0]), argc, argv, &files);
    if (code >= 0) {
        return code;
    }
    if (files > 1) {
        return usage_error(command, "one file at a time, not %d", files);
    }
    if (files == 0) {
        return describe_machine(json);
    }
    return model_is_source(argv[1]) ? describe_source(argv[1], json) : describe_offline_model(argv[1], json);
}

const struct command command_info = {
    .name = "info",
    .arguments = "[FILE] [--json]",
    .summary = "describe this machine, or a model file (.fscnn, .onnx, .pth)",
    .example = "  fastscnn info\n  fastscnn info fast_scnn_bs1.fscnn",
    .run = run,
};
