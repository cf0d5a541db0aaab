#include "models/zoo.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char prefix[] = "zoo:/";

static const struct zoo_file *file_at(const char *path)
{
    if (strncmp(path, prefix, sizeof prefix - 1))
        return NULL;
    for (const struct zoo_file *file = zoo_files; file->name; file++)
        if (!strcmp(file->name, path + sizeof prefix - 1))
            return file;
    return NULL;
}

enum status zoo_map(const char *path, struct mapping *out)
{
    const struct zoo_file *file = file_at(path);
    if (!file)
        return file_map(path, out);
    *out = (struct mapping){file->bytes, file->size};
    return OK;
}

void zoo_unmap(struct mapping *mapping)
{
    for (const struct zoo_file *file = zoo_files; file->name; file++)
        if (mapping->data == file->bytes)
            *mapping = (struct mapping){0};
    file_unmap(mapping);
}

bool zoo_has(const char *path)
{
    return file_at(path) || !access(path, F_OK);
}

char *zoo_find(const char *name)
{
    char *path = mem_format("%s%s.onnx", prefix, name);
    if (file_at(path))
        return path;
    free(path);
    return file_at(name) ? mem_copy(name) : NULL;
}
