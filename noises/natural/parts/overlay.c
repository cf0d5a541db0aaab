#include "noises/natural/parts.h"

#include "base/file.h"
#include "base/mem.h"
#include "noises/system/system.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXTURES = 5 };

struct textures {
    struct textures *next;
    char *folder;
    double scale;
    bool enlarge;
    int width, height;  /* of the crops asked for */
    bool made_for_size; /* one of them had to grow for the crop */
    struct image image[TEXTURES];
};

static int is_picture(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && (!strcasecmp(dot, ".png") || !strcasecmp(dot, ".jpg") ||
                   !strcasecmp(dot, ".jpeg"));
}

static enum status read_picture(const char *path, struct image *out)
{
    const struct decoder *decoder;
    struct decode_options options = {0};
    struct mapping file;
    enum status st = decoder_find("turbo", &decoder);
    if (!st)
        st = file_map(path, &file);
    if (st)
        return st;
    st = image_decode(decoder, file.data, file.size, &options, out);
    file_unmap(&file);
    return status_wrap(st, "%s", path);
}

static enum status read_folder(const char *folder, struct image image[TEXTURES])
{
    struct dirent **names;
    int count = scandir(folder, &names, is_picture, alphasort);
    if (count < 0)
        return status_fail(ERR_IO, "overlays=%s: cannot read the folder", folder);
    enum status st = count < TEXTURES
                         ? status_fail(ERR_NOTFOUND, "overlays=%s: %d pictures, need %d",
                                       folder, count, TEXTURES)
                         : OK;
    for (int i = 0; !st && i < TEXTURES; i++) {
        char *path = mem_format("%s/%s", folder, names[i]->d_name);
        st = read_picture(path, &image[i]);
        free(path);
    }
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return st;
}

/* cv2.resize(fx=, fy=), linear: the step is 1/fx even where the sides do not divide. */
struct tap {
    int before, after;
    int near, far; /* of 2048 */
};

static struct tap *linear_taps(int in, int out, double scale, bool columns)
{
    struct tap *tap = mem_array((size_t)out, sizeof *tap);
    for (int i = 0; i < out; i++) {
        float place = (float)((i + 0.5) * (1 / scale) - 0.5);
        int at = (int)floorf(place);
        float far = place - (float)at;
        if (columns && at < 0)
            at = 0, far = 0;
        if (columns && at >= in - 1)
            at = in - 1, far = 0;
        tap[i].near = (int)lrintf((1.0f - far) * 2048);
        tap[i].far = (int)lrintf(far * 2048);
        tap[i].before = at < 0 ? 0 : at >= in ? in - 1 : at;
        tap[i].after = at + 1 < 0 ? 0 : at + 1 >= in ? in - 1 : at + 1;
    }
    return tap;
}

static enum status resize_by(const struct image *in, double scale, struct image *out)
{
    int width = (int)lrint(in->width * scale), height = (int)lrint(in->height * scale);
    enum status st = image_init(out, width > 0 ? width : 1, height > 0 ? height : 1, 3);
    if (st)
        return st;
    struct tap *rows = linear_taps(in->height, out->height, scale, false);
    struct tap *columns = linear_taps(in->width, out->width, scale, true);
    for (int y = 0; y < out->height; y++) {
        const uint8_t *upper = image_row(in, rows[y].before);
        const uint8_t *lower = image_row(in, rows[y].after);
        uint8_t *to = image_row(out, y);
        for (int x = 0; x < out->width; x++)
            for (int c = 0; c < 3; c++) {
                int l = 3 * columns[x].before + c, r = 3 * columns[x].after + c;
                int a = upper[l] * columns[x].near + upper[r] * columns[x].far;
                int b = lower[l] * columns[x].near + lower[r] * columns[x].far;
                int sum =
                    ((a >> 4) * rows[y].near >> 16) + ((b >> 4) * rows[y].far >> 16);
                to[3 * x + c] = (uint8_t)((sum + 2) >> 2);
            }
    }
    free(rows);
    free(columns);
    return OK;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static enum status enlarge(const struct image *in, double scale, struct image *out)
{
    const struct resizer *cubic;
    enum status st = resizer_find("opencv-bicubic", &cubic);
    return st ? st
              : cubic->resize(in, (int)ceil(in->width * scale),
                              (int)ceil(in->height * scale), NULL, out);
}

static void replace(struct image *image, struct image *by)
{
    image_clear(image);
    *image = *by;
}

/* Where even that leaves no room for the crop, it is enlarged to have some. */
static enum status fit(struct image *image, struct textures *to)
{
    struct image out = {0};
    enum status st = OK;
    double need =
        larger(to->width / (double)image->width, to->height / (double)image->height);
    if (to->enlarge)
        st = enlarge(image, 1.1 * larger(1, need), &out);
    else if (to->scale != 1)
        st = resize_by(image, to->scale, &out);
    if (!st && out.data)
        replace(image, &out);
    to->made_for_size |= need > 1;
    need = larger(to->width / (double)image->width, to->height / (double)image->height);
    if (st || need <= 1)
        return st;
    to->made_for_size = true;
    st = enlarge(image, 1.1 * need, &out);
    if (!st)
        replace(image, &out);
    return st;
}

static void textures_free(struct textures *textures)
{
    for (int i = 0; i < TEXTURES; i++)
        image_clear(&textures->image[i]);
    free(textures->folder);
    free(textures);
}

static enum status textures_make(const struct overlay *overlay, struct textures **out)
{
    struct textures *t = mem_new(sizeof *t);
    t->folder = mem_copy(overlay->folder);
    t->scale = overlay->scale;
    t->enlarge = overlay->enlarge;
    t->width = overlay->width;
    t->height = overlay->height;
    enum status st = OK;
    if (*overlay->folder)
        st = read_folder(overlay->folder, t->image);
    else
        for (int i = 0; i < TEXTURES; i++)
            t->image[i] = overlay_crystals(512, (uint64_t)i);
    for (int i = 0; !st && i < TEXTURES; i++)
        st = fit(&t->image[i], t);
    if (st)
        textures_free(t);
    else
        *out = t;
    return st;
}

static bool is_for(const struct textures *t, const struct overlay *overlay)
{
    if (t->scale != overlay->scale || t->enlarge != overlay->enlarge ||
        strcmp(t->folder, overlay->folder))
        return false;
    if (t->width == overlay->width && t->height == overlay->height)
        return true;
    /* Made for another size: as good where this size would change nothing either. */
    for (int i = 0; i < TEXTURES; i++)
        if (t->made_for_size || overlay->width > t->image[i].width ||
            overlay->height > t->image[i].height)
            return false;
    return !t->enlarge || (overlay->width <= t->width && overlay->height <= t->height);
}

enum status overlay_find(const struct overlay *overlay, uint32_t word,
                         const struct image **out)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct textures *known;
    enum status st = OK;

    pthread_mutex_lock(&lock);
    struct textures *t = known;
    while (t && !is_for(t, overlay))
        t = t->next;
    if (!t) {
        st = textures_make(overlay, &t);
        if (!st) {
            t->next = known;
            known = t;
        }
    }
    pthread_mutex_unlock(&lock);
    if (!st)
        *out = &t->image[(uint64_t)word * TEXTURES >> 32];
    return st;
}
