#include "bench_report.h"

#include <math.h>

static const char *const precisions[] = {"fp32", "bf16", "int8"};
static const char *const inputs[] = {"f32", "u8"};
static const char *const outputs[] = {"logits", "logits16", "labels"};

static double images(const struct bench_report *r) { return (double)r->times->all.count * r->job->batch; }

static double wall_rate(const struct bench_report *r) { return r->times->wall > 0 ? images(r) / r->times->wall : 0; }

/* What it would be if nothing lay between the runs. */
static double compute_rate(const struct bench_report *r, const struct statistics *s) {
    return s->mean > 0 ? 1000.0 * r->job->batch * r->job->streams / s->mean : 0;
}

/* A step's work, and the least time in which one stream's share of the machine could do it. */
struct step_cost {
    struct fscnn_step_info info;
    double ms, bytes, compute_ms, memory_ms, roofline_ms;
};

static struct step_cost cost_of(const struct bench_report *r, int step) {
    const struct bench_job *job = r->job;
    struct step_cost c = {.ms = r->times->step_ms[step]};
    fscnn_model_get_step(job->model, step, &c.info);
    c.bytes = (double)c.info.bytes;
    c.bytes += c.info.reads_image ? (double)fscnn_model_input_bytes(job->model, job->input, 1) : 0;
    c.bytes += c.info.writes_result ? (double)fscnn_model_output_bytes(job->model, job->output, 1) : 0;
    double part = 1e-3 / job->streams; /* of the machine, for a millisecond */
    c.compute_ms = 2 * (double)c.info.macs / (r->peak->compute[c.info.precision] * part);
    c.memory_ms = c.bytes / (fmax(r->peak->read_memory, r->peak->write_memory) * part);
    c.roofline_ms = fmax(c.compute_ms, c.memory_ms);
    return c;
}

static double percent_of(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

static double rate_of(const struct step_cost *c) { return c->ms > 0 ? 2e-6 * (double)c->info.macs / c->ms : 0; }

static struct step_cost sum_of_steps(const struct bench_report *r) {
    struct step_cost sum = {.info = {.name = "all steps"}};
    for (int i = 0; i < r->times->num_steps; i++) {
        struct step_cost c = cost_of(r, i);
        sum.info.macs += c.info.macs;
        sum.ms += c.ms;
        sum.bytes += c.bytes;
        sum.roofline_ms += c.roofline_ms;
    }
    return sum;
}

void bench_print_job(const struct bench_job *job, const char *model) {
    struct fscnn_model_info info;
    fscnn_model_get_info(job->model, &info);
    printf("model        %s, %s, %s kernels\n", model, precisions[info.precision], fscnn_cpu_isa());
    printf("image        %s, %d x %d, to %s, %d x %d\n", inputs[job->input], info.height, info.width,
           outputs[job->output], info.output_height, info.output_width);
    printf("run          %d stream%s of %d thread%s%s, batch %d, %d run%s to warm up\n", job->streams,
           job->streams == 1 ? "" : "s", job->threads, job->threads == 1 ? "" : "s", job->pin ? ", pinned" : "",
           job->batch, job->warmup, job->warmup == 1 ? "" : "s");
    fflush(stdout); /* before the progress bar */
}

static void print_step(const struct step_cost *c, const char *number, const char *type, const char *bound,
                       double all_ms) {
    printf("%4s  %-4s %7.3f %8.2f %9.3f %6.1f %8.1f  %-7s %8.1f  %s\n", number, type, (double)c->info.macs * 1e-9,
           c->bytes * 1e-6, c->ms, percent_of(c->ms, all_ms), rate_of(c), bound, percent_of(c->roofline_ms, c->ms),
           c->info.name);
}

static void print_profile(const struct bench_report *r) {
    const struct fscnn_peak *p = r->peak;
    struct step_cost sum = sum_of_steps(r);
    printf("peak         %.0f GFLOP/s fp32, %.0f bf16, %.0f GOP/s int8; memory %.1f GB/s read, %.1f written, "
           "second-level cache %.0f (%d thread%s)\n\n",
           p->compute[FSCNN_FP32] * 1e-9, p->compute[FSCNN_BF16] * 1e-9, p->compute[FSCNN_INT8] * 1e-9,
           p->read_memory * 1e-9, p->write_memory * 1e-9, p->read_cache * 1e-9, p->threads, p->threads == 1 ? "" : "s");
    printf("step  type    GMAC       MB        ms   time%%    GOP/s  bound by  %%roof  name\n");
    for (int i = 0; i < r->times->num_steps; i++) {
        struct step_cost c = cost_of(r, i);
        char number[16];
        snprintf(number, sizeof(number), "%d", i);
        print_step(&c, number, precisions[c.info.precision], c.compute_ms >= c.memory_ms ? "compute" : "memory",
                   sum.ms);
    }
    print_step(&sum, "sum", "", "", sum.ms);
}

void bench_print(const struct bench_report *r) {
    struct statistics s = statistics_of(&r->times->all);
    printf("latency      min %.3f, mean %.3f, median %.3f, p90 %.3f, p95 %.3f, p99 %.3f, max %.3f ms (%zu run%s)\n",
           s.min, s.mean, s.median, s.percentile90, s.percentile95, s.percentile99, s.max, s.count,
           s.count == 1 ? "" : "s");
    printf("throughput   %.3f images/s by the wall clock, %.3f by the mean latency\n", wall_rate(r),
           compute_rate(r, &s));
    printf("memory       %.1f MB at most\n", (double)r->peak_rss * 1e-6);
    if (r->peak) {
        print_profile(r);
    }
}

static json_t *steps_json(const struct bench_report *r) {
    json_t *steps = json_array();
    for (int i = 0; i < r->times->num_steps; i++) {
        struct step_cost c = cost_of(r, i);
        json_t *line =
            json_pack("{s:i, s:o, s:s, s:f, s:f, s:f, s:f, s:s, s:f, s:f}", "step", i, "name", json_text(c.info.name),
                      "precision", precisions[c.info.precision], "gmac", (double)c.info.macs * 1e-9, "bytes", c.bytes,
                      "ms", c.ms, "gops", rate_of(&c), "bound", c.compute_ms >= c.memory_ms ? "compute" : "memory",
                      "roofline_ms", c.roofline_ms, "roofline_share", percent_of(c.roofline_ms, c.ms) / 100);
        if (json_array_append_new(steps, line) < 0) {
            json_decref(steps);
            return NULL;
        }
    }
    return steps;
}

static json_t *peak_json(const struct fscnn_peak *p) {
    return json_pack("{s:i, s:f, s:f, s:f, s:f, s:f, s:f}", "threads", p->threads, "fp32_gflops",
                     p->compute[FSCNN_FP32] * 1e-9, "bf16_gflops", p->compute[FSCNN_BF16] * 1e-9, "int8_gops",
                     p->compute[FSCNN_INT8] * 1e-9, "memory_read_gbs", p->read_memory * 1e-9, "memory_write_gbs",
                     p->write_memory * 1e-9, "cache_read_gbs", p->read_cache * 1e-9);
}

static json_t *latency_json(const struct statistics *s) {
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "min", s->min, "mean", s->mean, "median", s->median, "p90",
                     s->percentile90, "p95", s->percentile95, "p99", s->percentile99, "max", s->max);
}

json_t *bench_json(const struct bench_report *r) {
    const struct bench_job *job = r->job;
    struct statistics s = statistics_of(&r->times->all);
    struct fscnn_model_info info;
    fscnn_model_get_info(job->model, &info);
    json_t *json = json_pack(
        "{s:o, s:s, s:s, s:[i, i], s:s, s:s, s:i, s:i, s:i, s:b, s:i, s:I, s:o, s:f, s:f, s:f, s:f}", "model",
        json_text(r->model), "precision", precisions[info.precision], "isa", fscnn_cpu_isa(), "size", info.height,
        info.width, "input_type", inputs[job->input], "output_type", outputs[job->output], "threads", job->threads,
        "streams", job->streams, "batchsize", job->batch, "pinned", job->pin, "warmup", job->warmup, "runs",
        (json_int_t)s.count, "latency_ms", latency_json(&s), "throughput_fps", wall_rate(r), "compute_fps",
        compute_rate(r, &s), "wall_seconds", r->times->wall, "peak_rss_mb", (double)r->peak_rss * 1e-6);
    if (json && r->peak) {
        struct step_cost sum = sum_of_steps(r);
        if (json_object_set_new(json, "peak", peak_json(r->peak)) < 0 ||
            json_object_set_new(json, "steps", steps_json(r)) < 0 ||
            json_object_set_new(json, "roofline_share", json_real(percent_of(sum.roofline_ms, sum.ms) / 100)) < 0) {
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

enum fscnn_status bench_write_times(const char *path, const struct bench_times *times, struct fscnn_error *err) {
    struct fscnn_output file;
    enum fscnn_status status = fscnn_output_open(path, &file, err);
    if (status != FSCNN_OK) {
        return status;
    }
    fprintf(file.stream, "stream,run,latency_ms\n");
    for (int i = 0; i < times->num_streams; i++) {
        for (size_t k = 0; k < times->streams[i].count; k++) {
            fprintf(file.stream, "%d,%zu,%.6f\n", i, k, times->streams[i].values[k]);
        }
    }
    return fscnn_output_commit(&file, err);
}
