/* The evaluation as one HTML page: no script, nothing fetched; only overlays are linked. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "eval/report_parts.h"

enum { MAX_ROWS = 1000, MAX_THUMBNAILS = 12 };

static const char style[] =
    ":root{--ink:#17212b;--dim:#5b6875;--line:#e3e8ed;--card:#fff;--page:#f4f6f8;--iou:#0f766e;--acc:#c2570c;"
    "--track:#e8edf1}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--dim:#9aa7b4;--line:#2a343e;--card:#161d24;--page:#0e1318;"
    "--iou:#2dd4bf;--acc:#fb923c;--track:#26303a}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
    "font:15px/1.5 system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
    "main{max-width:1160px;margin:0 auto;padding:36px 20px 60px}h1{font-size:27px;line-height:1.25;margin:0 0 6px}"
    "h2{font-size:18px;margin:0 0 4px}p{margin:0 0 12px;color:var(--dim);max-width:78ch}\n"
    ".meta{display:flex;flex-wrap:wrap;gap:2px 22px;color:var(--dim);margin:0 0 22px}.meta b{color:var(--ink);"
    "font-weight:600;overflow-wrap:anywhere}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin:0 0 18px;"
    "overflow-x:auto}\n"
    ".two{display:grid;grid-template-columns:8fr 5fr;gap:18px}.two section{margin:0}.two{margin:0 0 18px}"
    "@media(max-width:760px){.two{grid-template-columns:1fr}}\n"
    ".figures{display:flex;flex-wrap:wrap;gap:14px 30px;margin-top:10px}.figures div{min-width:88px}"
    ".figures b{display:block;font-size:29px;line-height:1.15;font-variant-numeric:tabular-nums;letter-spacing:-.5px}"
    ".figures span{color:var(--dim);font-size:13px}.lead b{color:var(--iou)}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th{font-size:12px;font-weight:600;"
    "color:var(--dim);text-align:right;padding:6px 10px;border-bottom:1px solid var(--line);white-space:nowrap}"
    "td{padding:5px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}"
    "tr:last-child td{border-bottom:0}th:first-child,td:first-child{text-align:left}td.none{color:var(--dim)}\n"
    ".swatch{display:inline-block;width:14px;height:14px;border-radius:4px;margin-right:10px;vertical-align:-2px;"
    "border:1px solid #0003}.bar{display:inline-block;width:120px;height:8px;border-radius:4px;background:var(--track);"
    "overflow:hidden;margin-left:10px;vertical-align:1px}.bar i{display:block;height:100%;background:var(--iou)}"
    ".bar.acc i{background:var(--acc)}@media(max-width:760px){.bar{display:none}}\n"
    "svg{max-width:100%;height:auto;display:block;margin:8px auto 0}svg text{fill:var(--ink);font-size:12px}"
    "svg .r{text-anchor:end}svg .n{text-anchor:middle;font-size:11px}svg .on{fill:#fff}svg .axis{fill:var(--dim)}"
    ".bed{fill:var(--track);fill-opacity:.55}.grid{stroke:var(--line)}.plot text{fill:var(--dim)}"
    "polyline{fill:none;stroke-width:2.5;stroke-linejoin:round}.iou{stroke:var(--iou)}.acc{stroke:var(--acc)}"
    ".mean{stroke-dasharray:3 6;stroke-width:1.5}\n"
    ".key i{display:inline-block;width:18px;height:0;border-top:3px solid var(--iou);margin:0 6px 4px 0}"
    ".key i.acc{border-color:var(--acc)}.key span{margin-right:18px}\n"
    ".photos{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:12px;margin:10px 0 16px}"
    ".photos a{color:inherit;text-decoration:none;font-size:12px}.photos "
    "img{width:100%;border-radius:8px;display:block;"
    "background:var(--track);aspect-ratio:2;object-fit:cover}a{color:var(--iou)}footer{color:var(--dim);"
    "font-size:13px}\n"
    ".incomplete{border-color:var(--acc)}.incomplete h2{color:var(--acc)}.incomplete ul{margin:0;padding-left:20px}"
    ".incomplete li{overflow-wrap:anywhere}\n";

void html_text(FILE *f, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '&': fputs("&amp;", f); break;
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '"': fputs("&quot;", f); break;
        case '\'': fputs("&#39;", f); break;
        default: fputc(*text, f);
        }
    }
}

/* A file's path as a link: what is neither a letter, a digit nor one of / . _ - ~ becomes %XX. */
static void html_link(FILE *f, const char *path) {
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        bool plain =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("/._-~", c));
        if (plain) {
            fputc(c, f);
        } else {
            fprintf(f, "%%%02X", c);
        }
    }
}

/* A picture's path as seen from the folder of the page (both absolute, without links and dots): the parts in common go,
 * "../" is put for each folder to leave. */
static void html_relative_link(FILE *f, const char *folder, const char *picture) {
    char absolute[PATH_MAX];
    if (!folder[0] || !realpath(picture, absolute)) {
        html_link(f, picture);
        return;
    }
    size_t common = 0, i = 0; /* length up to and with the last '/' that both have */
    for (; absolute[i] && absolute[i] == folder[i]; i++) {
        common = absolute[i] == '/' ? i + 1 : common;
    }
    for (const char *rest = folder + common; *rest; rest++) {
        if (*rest == '/') {
            fputs("../", f);
        }
    }
    html_link(f, absolute + common);
}

static void write_figure(FILE *f, const char *name, double fraction, int decimals, const char *what) {
    fprintf(f, "<div><span>%s</span><b>%.*f</b><span>%s</span></div>\n", name, decimals, 100 * fraction, what);
}

static void write_meta(FILE *f, const char *name, const char *text) {
    if (text) {
        fprintf(f, "<span>%s <b>", name);
        html_text(f, text);
        fputs("</b></span>\n", f);
    }
}

static void write_head(FILE *f, const struct fscnn_report_options *o, const struct fscnn_scores *s) {
    const char *title = o->title ? o->title : "Semantic segmentation: evaluation";
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
          f);
    html_text(f, title);
    fprintf(f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
    html_text(f, title);
    fputs("</h1>\n<div class=\"meta\">\n", f);
    write_meta(f, "Model", o->model);
    write_meta(f, "Data", o->data);
    fprintf(f, "<span>Images <b>%llu</b></span>\n<span>Classes <b>%d</b></span>\n", (unsigned long long)s->images,
            s->classes);
    write_meta(f, "Order", o->order);
    fputs("</div>\n", f);
}

/* Above all figures: none of them counts what is named here. */
static void write_left_out(FILE *f, const struct fscnn_report_options *o, uint64_t images) {
    const size_t count = o->num_left_out;
    if (count == 0) {
        return;
    }
    fprintf(
        f,
        "<section class=\"incomplete\">\n<h2>Incomplete: %zu of %llu images left out</h2>\n<p>No figure below counts "
        "%s.%s</p>\n<ul>\n",
        count, (unsigned long long)images + count, count == 1 ? "it" : "them",
        count > MAX_ROWS ? " The first ones:" : "");
    for (size_t i = 0; i < count && i < MAX_ROWS; i++) {
        fputs("<li><b>", f);
        html_text(f, o->left_out[i].name);
        fputs("</b> ", f);
        html_text(f, o->left_out[i].why);
        fputs("</li>\n", f);
    }
    fputs("</ul>\n</section>\n", f);
}

static void write_figures(FILE *f, const struct fscnn_scores *s) {
    fputs("<div class=\"two\">\n<section class=\"lead\">\n<h2>Standard figures</h2>\n"
          "<p>From the confusion matrix of all images, in percent; their order does not matter.</p>\n"
          "<div class=\"figures\">\n",
          f);
    write_figure(f, "mIoU", s->miou, 2, "all classes");
    write_figure(f, "mIoU, present", s->miou_present, 2, "classes in the truth");
    write_figure(f, "pixAcc", s->pixel_accuracy, 2, "all pixels");
    write_figure(f, "mAcc", s->mean_accuracy, 2, "classes in the truth");
    fputs("</div>\n</section>\n<section>\n<h2>Deployment guide's figures</h2>\n"
          "<p>Mean, over the images in order, of mIoU and pixAcc as they stood after each image.</p>\n"
          "<div class=\"figures\">\n",
          f);
    write_figure(f, "AvgmIou", s->ordered_miou, 4, "ordered mean");
    write_figure(f, "AvgpixAcc", s->ordered_pixel_accuracy, 4, "ordered mean");
    fputs("</div>\n</section>\n</div>\n", f);
}

static void write_bar(FILE *f, double fraction, bool none, const char *kind) {
    if (none) {
        fputs("<td class=\"none\">\xe2\x80\x93<span class=\"bar\"></span></td>", f);
        return;
    }
    fprintf(f, "<td>%.2f<span class=\"bar%s\"><i style=\"width:%.0f%%\"></i></span></td>", 100 * fraction, kind,
            100 * fraction);
}

static void write_classes(FILE *f, const struct fscnn_evaluation *e, const struct fscnn_scores *scores) {
    uint64_t labelled = 0;
    struct fscnn_class_scores s;
    for (int c = 0; c < scores->classes; c++) {
        fscnn_evaluation_get_class(e, c, &s);
        labelled += s.truth;
    }
    fputs("<section>\n<h2>Classes</h2>\n<p>In percent. Share: of the labelled pixels, in the ground truth and in the "
          "prediction. A dash: no such pixel; in mIoU over all classes it counts as 0.</p>\n<table>\n"
          "<tr><th>Class</th><th>IoU</th><th>Acc</th><th>Share of truth</th><th>Share of prediction</th></tr>\n",
          f);
    double whole = labelled ? (double)labelled : 1;
    for (int c = 0; c < scores->classes; c++) {
        fscnn_evaluation_get_class(e, c, &s);
        struct fscnn_class shown = fscnn_class_of_train_id(c);
        fprintf(f, "<tr><td><span class=\"swatch\" style=\"background:#%02x%02x%02x\"></span>", shown.rgb[0],
                shown.rgb[1], shown.rgb[2]);
        html_text(f, s.name);
        fputs("</td>", f);
        write_bar(f, s.iou, s.truth + s.predicted == 0, "");
        write_bar(f, s.accuracy, s.truth == 0, " acc");
        fprintf(f, "<td>%.3f</td><td>%.3f</td></tr>\n", 100 * (double)s.truth / whole,
                100 * (double)s.predicted / whole);
    }
    fputs("</table>\n</section>\n", f);
}

/* An image and its place in the order. */
struct ranked {
    struct fscnn_image_scores scores;
    uint64_t index;
};

/* Worst first; images without labels, of which nothing can be said, last. */
static int compare_ranked(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    double p = x->scores.labelled ? x->scores.miou : 2, q = y->scores.labelled ? y->scores.miou : 2;
    if (p != q) {
        return p < q ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

static void write_photos(FILE *f, const struct ranked *images, uint64_t count, const char *folder) {
    int shown = 0;
    for (uint64_t i = 0; i < count && shown < MAX_THUMBNAILS; i++) {
        const struct fscnn_image_scores *s = &images[i].scores;
        if (!s->picture) {
            continue;
        }
        fputs(shown++ ? "<a href=\"" : "<div class=\"photos\">\n<a href=\"", f);
        html_relative_link(f, folder, s->picture);
        fputs("\"><img loading=\"lazy\" alt=\"\" src=\"", f);
        html_relative_link(f, folder, s->picture);
        fprintf(f, "\"><b>%.2f</b> ", 100 * s->miou);
        html_text(f, s->name);
        fputs("</a>\n", f);
    }
    fputs(shown ? "</div>\n" : "", f);
}

static void write_row(FILE *f, const struct ranked *image, const char *folder) {
    const struct fscnn_image_scores *s = &image->scores;
    fputs("<tr><td>", f);
    if (s->picture) {
        fputs("<a href=\"", f);
        html_relative_link(f, folder, s->picture);
        fputs("\">", f);
    }
    html_text(f, s->name[0] ? s->name : "(no name)");
    fputs(s->picture ? "</a></td>" : "</td>", f);
    write_bar(f, s->miou, s->labelled == 0, "");
    write_bar(f, s->pixel_accuracy, s->labelled == 0, " acc");
    fprintf(f, "<td>%llu</td><td>%llu</td></tr>\n", (unsigned long long)s->labelled,
            (unsigned long long)image->index + 1);
}

static enum fscnn_status write_images(FILE *f, const struct fscnn_evaluation *e, uint64_t count, const char *folder,
                                      struct fscnn_error *err) {
    struct ranked *images = calloc(count + 1, sizeof(*images));
    if (!images) {
        return error_memory(err, (count + 1) * sizeof(*images), "the images' ranking");
    }
    for (uint64_t i = 0; i < count; i++) {
        images[i].index = i;
        fscnn_evaluation_get_image(e, i, &images[i].scores);
    }
    qsort(images, count, sizeof(*images), compare_ranked);
    fputs(
        "<section>\n<h2>Images, worst first</h2>\n<p>Of each image alone, in percent; mIoU over the classes in its own "
        "ground truth.",
        f);
    if (count > MAX_ROWS) {
        fprintf(f, " The worst %d of %llu.", MAX_ROWS, (unsigned long long)count);
    }
    fputs("</p>\n", f);
    write_photos(f, images, count, folder);
    fputs("<table>\n<tr><th>Image</th><th>mIoU</th><th>pixAcc</th><th>Labelled pixels</th><th>Place</th></tr>\n", f);
    for (uint64_t i = 0; i < count && i < MAX_ROWS; i++) {
        write_row(f, &images[i], folder);
    }
    fputs("</table>\n</section>\n", f);
    free(images);
    return FSCNN_OK;
}

/* The folder of a file as an absolute path ending in '/', "" where it cannot be told. */
static void absolute_folder(const char *path, char *folder) {
    char *copy = strdup(path);
    folder[0] = '\0';
    if (copy) {
        char *slash = strrchr(copy, '/');
        if (slash) {
            slash[slash == copy] = '\0'; /* "/report.html": the root itself */
        }
        size_t length = realpath(slash ? copy : ".", folder) ? strlen(folder) : 0;
        if (length && length + 1 < PATH_MAX && folder[length - 1] != '/') {
            memcpy(folder + length, "/", 2);
        } else if (length == 0) {
            folder[0] = '\0';
        }
    }
    free(copy);
}

enum fscnn_status fscnn_evaluation_write_html(const struct fscnn_evaluation *evaluation,
                                              const struct fscnn_report_options *options, const char *path,
                                              struct fscnn_error *err) {
    static const struct fscnn_report_options none;
    char folder[PATH_MAX];
    struct fscnn_scores scores;
    struct fscnn_output out;
    enum fscnn_status status = fscnn_output_open(path, &out, err);
    if (status != FSCNN_OK) {
        return status;
    }
    absolute_folder(path, folder);
    fscnn_evaluation_get_scores(evaluation, &scores);
    options = options ? options : &none;
    write_head(out.stream, options, &scores);
    write_left_out(out.stream, options, scores.images);
    write_figures(out.stream, &scores);
    write_classes(out.stream, evaluation, &scores);
    fputs("<section>\n<h2>Confusion matrix</h2>\n<p>Each row is a class of the ground truth and adds up to 100 %: what "
          "its pixels were taken for. Green: found; red: confused (its strength is the root of the share).</p>\n",
          out.stream);
    svg_confusion(out.stream, evaluation, scores.classes);
    fputs("</section>\n", out.stream);
    if (scores.images > 1) {
        fputs("<section>\n<h2>Running figures</h2>\n<p class=\"key\"><span><i></i>mIoU after each image</span><span>"
              "<i class=\"acc\"></i>pixAcc</span><span>dotted: their means, AvgmIou and AvgpixAcc</span></p>\n",
              out.stream);
        svg_running(out.stream, evaluation, &scores);
        fputs("</section>\n", out.stream);
    }
    status = write_images(out.stream, evaluation, scores.images, folder, err);
    if (status != FSCNN_OK) {
        error_prefix(err, status, "%s", path);
    }
    fprintf(out.stream, "<footer>fastscnn %s</footer>\n</main>\n</body>\n</html>\n", fscnn_version());
    if (status == FSCNN_OK) {
        status = fscnn_output_commit(&out, err);
    }
    fscnn_output_discard(&out);
    return status;
}
