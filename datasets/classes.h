/*
 * From class folders to class numbers. Without a list the rule is, in this order:
 *
 *   every folder is one of ImageNet's 1000 WNIDs   its place among the 1000, so that a
 *                                                   sample or a subset of the classes
 *                                                   (Imagenette, ImageNet-A) is scored
 *                                                   as networks number their outputs
 *   every folder is a whole number                  that number (ImageNet-V2)
 *   otherwise, or where the list is "sorted"        place among the sorted folder names
 */
#pragma once

#include "base/mem.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { IMAGENET_CLASSES = 1000, CLASSES_MAX = 100000 };
extern const uint32_t imagenet_wnids[IMAGENET_CLASSES];

struct class_list {
    char **folders, **names; /* [count], in the arena; both sorted by class number */
    int count;
};

/* The class number of "n01440764", or -1. */
int imagenet_class(const char *wnid);
void class_list_imagenet(struct arena *arena, struct class_list *out);

/* TSV "index<TAB>folder<TAB>name", a header line allowed. Errors name the line. */
enum status class_list_read(const char *path, struct arena *arena,
                            struct class_list *out);

/* `folders` sorted and unique; `list` a TSV, "sorted" or NULL. labels[i] belongs to
 * folders[i]. A folder that the list lacks is an error with the nearest name. */
enum status classes_map(const char *const *folders, size_t count, const char *list,
                        struct arena *arena, struct class_list *out, int *labels);
