#include "infer_report.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static void print_times(const char *name, const struct samples *samples) {
    struct statistics s = statistics_of(samples);
    printf("[INFO] %s (ms): min = %.3f, max = %.3f, mean = %.3f, median = %.3f, percentile(99%%) = %.3f\n", name, s.min,
           s.max, s.mean, s.median, s.percentile99);
}

static double throughput(const struct infer_times *times, int batch) {
    struct statistics s = statistics_of(&times->compute);
    return s.mean > 0 ? 1000.0 * batch / s.mean : 0;
}

void infer_print_summary(const struct infer_times *times, int batch, bool all) {
    printf("[INFO] -----------------Performance Summary------------------\n");
    if (all) {
        print_times("H2D_latency", &times->in);
    }
    print_times("NPU_compute_time", &times->compute);
    if (all) {
        print_times("D2H_latency", &times->out);
    }
    printf("[INFO] throughput 1000*batchsize.mean(%d)/NPU_compute_time.mean(%.3f): %.3f\n", batch,
           statistics_of(&times->compute).mean, throughput(times, batch));
    printf("[INFO] ------------------------------------------------------\n");
}

static json_t *times_json(const struct samples *samples) {
    struct statistics s = statistics_of(samples);
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "min", s.min, "max", s.max, "mean", s.mean, "median",
                     s.median, "percentile(90%)", s.percentile90, "percentile(99%)", s.percentile99, "count",
                     (json_int_t)s.count);
}

json_t *infer_summary_json(const struct infer_times *times, int batch) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < times->compute.count; i++) {
        if (json_array_append_new(list, json_real(times->compute.values[i])) < 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return json_pack("{s:o, s:o, s:o, s:f, s:o, s:I}", "NPU_compute_time", times_json(&times->compute), "H2D_latency",
                     times_json(&times->in), "D2H_latency", times_json(&times->out), "throughput",
                     throughput(times, batch), "npu_compute_time_list", list, "pid", (json_int_t)getpid());
}

static double sum_of_steps(const struct infer_times *times) {
    double sum = 0;
    for (int i = 0; i < times->num_steps; i++) {
        sum += times->step_ms[i];
    }
    return sum > 0 ? sum : 1e-9; /* it divides */
}

void infer_print_profile(const struct infer_times *times, const struct fscnn_model *model) {
    double sum = sum_of_steps(times);
    printf("[DEBUG] step     GMAC        ms   share  name\n");
    for (int i = 0; i < times->num_steps; i++) {
        struct fscnn_step_info step;
        fscnn_model_get_step(model, i, &step);
        printf("[DEBUG] %4d %8.3f %9.3f %5.1f %%  %s\n", i, (double)step.macs / 1e9, times->step_ms[i],
               100 * times->step_ms[i] / sum, step.name);
    }
    printf("[DEBUG] mean of %llu images: %.3f ms in steps\n", (unsigned long long)times->profiled_images, sum);
}

json_t *infer_profile_json(const struct infer_times *times, const struct fscnn_model *model) {
    double sum = sum_of_steps(times);
    json_t *steps = json_array();
    for (int i = 0; i < times->num_steps; i++) {
        struct fscnn_step_info step;
        fscnn_model_get_step(model, i, &step);
        json_t *line = json_pack("{s:i, s:o, s:f, s:f, s:f}", "step", i, "name", json_text(step.name), "gmac",
                                 (double)step.macs / 1e9, "ms", times->step_ms[i], "share", times->step_ms[i] / sum);
        if (json_array_append_new(steps, line) < 0) {
            json_decref(steps);
            return NULL;
        }
    }
    return json_pack("{s:I, s:f, s:o}", "images", (json_int_t)times->profiled_images, "step_ms_sum", sum, "steps",
                     steps);
}

char *infer_result_path(const char *folder, const char *input, const char *ending) {
    char stem[NAME_MAX + 1], *path = NULL;
    return asprintf(&path, "%s/%s_0%s", folder, infer_stem(input ? input : "pure_infer_data", stem, sizeof(stem)),
                    ending) < 0
               ? NULL
               : path;
}

/* One sample of "filesinfo". */
static int add_sample(json_t *samples, size_t id, const char *input, const char *folder, const char *ending) {
    char key[32];
    snprintf(key, sizeof(key), "%zu", id);
    char *result = infer_result_path(folder, input, ending);
    json_t *sample = result ? json_pack("{s:[o], s:[o]}", "infiles", json_text(input ? input : "pure_infer_data"),
                                        "outfiles", json_text(result))
                            : NULL;
    free(result);
    return json_object_set_new(samples, key, sample);
}

static json_t *files_json(const struct infer_inputs *inputs, const char *folder, const char *ending) {
    json_t *samples = json_object();
    bool ok = samples != NULL;
    size_t count = inputs->files.count;
    for (size_t i = 0; ok && i < (count ? count : 1); i++) {
        ok = add_sample(samples, i, count ? inputs->files.names[i] : NULL, folder, ending) == 0;
    }
    if (!ok) {
        json_decref(samples);
        return NULL;
    }
    return samples;
}

static json_t *args_json(int argc, char **argv) {
    json_t *args = json_array();
    for (int i = 0; args && i < argc; i++) {
        if (json_array_append_new(args, json_text(argv[i])) < 0) {
            json_decref(args);
            return NULL;
        }
    }
    return args;
}

enum fscnn_status infer_write_summary(const char *path, const struct infer_times *times,
                                      const struct infer_inputs *inputs, const char *folder, const char *ending,
                                      int argc, char **argv, struct fscnn_error *err) {
    json_t *json =
        json_pack("{s:o, s:o}", "filesinfo", files_json(inputs, folder, ending), "args", args_json(argc, argv));
    json_t *summary = json ? infer_summary_json(times, inputs->batch) : NULL;
    if (!summary || json_object_update_new(json, summary) < 0) {
        json_decref(json);
        json = NULL;
    }
    return json_write(path, json, err);
}
