#include "datasets/tar_index.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512, MAX_EXTENDED = 1 << 20 };

/* Fields of a header block: offset, length. */
enum {
    NAME = 0,
    NAME_SIZE = 100,
    SIZE = 124,
    SIZE_SIZE = 12,
    CHECKSUM = 148,
    CHECKSUM_SIZE = 8,
    TYPE = 156,
    LINK = 157,
    LINK_SIZE = 100,
    MAGIC = 257,
    PREFIX = 345,
    PREFIX_SIZE = 155,
};

struct reader {
    const uint8_t *data;
    size_t size, at;          /* of the header being read */
    struct text name, target; /* from an extended header, for the next member */
    bool has_name, has_target, has_size;
    uint64_t next_size;
};

/* Octal digits between blanks, or GNU's base-256 (first bit set). false: no number. */
static bool read_number(const uint8_t *field, size_t width, uint64_t *out)
{
    uint64_t value = 0;
    if (field[0] & 0x80) {
        if (field[0] & 0x40)
            return false; /* negative */
        value = field[0] & 0x3f;
        for (size_t i = 1; i < width; i++) {
            if (value >> 55)
                return false;
            value = value << 8 | field[i];
        }
        *out = value;
        return true;
    }
    size_t i = 0;
    while (i < width && field[i] == ' ')
        i++;
    for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(field[i] - '0'); /* 12 digits are 36 bits */
    for (; i < width; i++)
        if (field[i] != ' ' && field[i] != 0)
            return false;
    *out = value;
    return true;
}

/* The sum of all bytes with the field itself as blanks; old tars summed signed chars. */
static bool checksum_fits(const uint8_t *block)
{
    uint64_t stated;
    if (!read_number(block + CHECKSUM, CHECKSUM_SIZE, &stated))
        return false;
    int64_t plain = 0, with_sign = 0;
    for (int i = 0; i < BLOCK; i++) {
        uint8_t byte = i >= CHECKSUM && i < CHECKSUM + CHECKSUM_SIZE ? ' ' : block[i];
        plain += byte;
        with_sign += (int8_t)byte;
    }
    return (int64_t)stated == plain || (int64_t)stated == with_sign;
}

int tar_sniff(const uint8_t *data, size_t size)
{
    return size >= BLOCK && data[0] && checksum_fits(data);
}

static bool is_zero(const uint8_t *block)
{
    for (int i = 0; i < BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

static void add_field(struct text *text, const uint8_t *field, size_t width)
{
    text_add_bytes(text, field, strnlen((const char *)field, width));
}

static void replace_text(struct text *text, const void *bytes, size_t size)
{
    text->size = 0;
    text_add_bytes(text, bytes, size);
}

/* One "LENGTH KEY=VALUE\n" of a pax header. */
static enum status pax_record(struct reader *reader, const char *key, size_t key_size,
                              const char *value, size_t size)
{
#define IS(word) (key_size == sizeof word - 1 && !memcmp(key, word, key_size))
    if (IS("path")) {
        replace_text(&reader->name, value, size);
        reader->has_name = true;
    } else if (IS("linkpath")) {
        replace_text(&reader->target, value, size);
        reader->has_target = true;
    } else if (IS("size")) {
        uint64_t number = 0;
        if (!size || size > 18)
            return status_fail(ERR_FORMAT, "tar: bad pax size at byte %zu", reader->at);
        for (size_t i = 0; i < size; i++) {
            if (value[i] < '0' || value[i] > '9')
                return status_fail(ERR_FORMAT, "tar: bad pax size at byte %zu",
                                   reader->at);
            number = number * 10 + (uint64_t)(value[i] - '0');
        }
        reader->next_size = number;
        reader->has_size = true;
    } else if (key_size > 11 && !memcmp(key, "GNU.sparse.", 11)) {
        return status_fail(ERR_UNSUPPORTED,
                           "tar: a sparse member at byte %zu: pack again "
                           "without --sparse",
                           reader->at);
    }
#undef IS
    return OK;
}

static enum status pax_header(struct reader *reader, const char *text, size_t size)
{
    while (size) {
        size_t digits = 0, length = 0;
        while (digits < size && digits < 9 && text[digits] >= '0' && text[digits] <= '9')
            length = length * 10 + (size_t)(text[digits++] - '0');
        if (!digits || digits >= size || text[digits] != ' ' || length > size ||
            length < digits + 4 || text[length - 1] != '\n')
            return status_fail(ERR_FORMAT, "tar: bad pax record at byte %zu", reader->at);
        const char *key = text + digits + 1;
        size_t rest = length - digits - 2;
        const char *equals = memchr(key, '=', rest);
        if (!equals)
            return status_fail(ERR_FORMAT, "tar: bad pax record at byte %zu", reader->at);
        size_t key_size = (size_t)(equals - key);
        enum status st =
            pax_record(reader, key, key_size, equals + 1, rest - key_size - 1);
        if (st)
            return st;
        text += length;
        size -= length;
    }
    return OK;
}

/* Headers that describe the next member. false: `type` is no such header. */
static bool extended(struct reader *reader, char type, const uint8_t *contents,
                     uint64_t size, enum status *st)
{
    if (type != 'x' && type != 'g' && type != 'L' && type != 'K')
        return false;
    if (size > MAX_EXTENDED)
        *st = status_fail(ERR_LIMIT,
                          "tar: a header of %llu bytes at byte %zu; the limit is %d",
                          (unsigned long long)size, reader->at, MAX_EXTENDED);
    else if (type == 'x')
        *st = pax_header(reader, (const char *)contents, (size_t)size);
    else if (type == 'L') {
        replace_text(&reader->name, contents,
                     strnlen((const char *)contents, (size_t)size));
        reader->has_name = true;
    } else if (type == 'K') {
        replace_text(&reader->target, contents,
                     strnlen((const char *)contents, (size_t)size));
        reader->has_target = true;
    } /* 'g' holds defaults such as a comment: no member's name or size comes from there
       */
    return true;
}

static void own_names(struct reader *reader, const uint8_t *block)
{
    if (!reader->has_name) {
        reader->name.size = 0;
        /* GNU's magic is "ustar  ", and it keeps times where POSIX has the prefix. */
        if (!memcmp(block + MAGIC, "ustar\0", 6) && block[PREFIX]) {
            add_field(&reader->name, block + PREFIX, PREFIX_SIZE);
            text_add(&reader->name, "/");
        }
        add_field(&reader->name, block + NAME, NAME_SIZE);
    }
    if (!reader->has_target) {
        reader->target.size = 0;
        add_field(&reader->target, block + LINK, LINK_SIZE);
    }
    text_add(&reader->name, "");
    text_add(&reader->target, "");
}

static char plain_type(char type, const struct text *name)
{
    if (type == 0 || type == '7')
        type = '0';
    /* V7 marks a folder by its name alone. */
    return type == '0' && name->size && name->data[name->size - 1] == '/' ? '5' : type;
}

static enum status read_header(struct reader *reader, const uint8_t *block,
                               uint64_t *size)
{
    if (!checksum_fits(block))
        return status_fail(ERR_FORMAT,
                           "tar: the header at byte %zu does not fit its checksum: "
                           "not a tar archive, or damaged there",
                           reader->at);
    if (!read_number(block + SIZE, SIZE_SIZE, size))
        return status_fail(ERR_FORMAT,
                           "tar: the size in the header at byte %zu is no number",
                           reader->at);
    return OK;
}

static enum status member(struct reader *reader, const uint8_t *block, uint64_t size,
                          enum status (*visit)(void *, const struct tar_member *),
                          void *context)
{
    own_names(reader, block);
    char type = plain_type((char)block[TYPE], &reader->name);
    if (type == 'S' || type == 'M')
        return status_fail(ERR_UNSUPPORTED, "tar: '%s' at byte %zu is a %s member",
                           reader->name.data, reader->at,
                           type == 'S' ? "sparse" : "multi-volume");
    struct tar_member found = {reader->name.data, reader->target.data, type,
                               reader->at + BLOCK, type == '0' ? size : 0};
    reader->has_name = reader->has_target = reader->has_size = false;
    return visit(context, &found);
}

static enum status step(struct reader *reader,
                        enum status (*visit)(void *, const struct tar_member *),
                        void *context)
{
    const uint8_t *block = reader->data + reader->at;
    uint64_t size = 0;
    enum status st = read_header(reader, block, &size);
    if (st)
        return st;

    char type = (char)block[TYPE];
    bool describes = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    if (reader->has_size && !describes)
        size = reader->next_size;
    /* Links and folders have no contents, whatever their size field says. */
    if (type >= '1' && type <= '6')
        size = 0;
    uint64_t left = reader->size - reader->at - BLOCK;
    if (size > left) {
        own_names(reader, block);
        return status_fail(ERR_FORMAT,
                           "tar: '%.200s' claims %llu bytes and %llu are left: the "
                           "archive is truncated or its header lies",
                           reader->name.data, (unsigned long long)size,
                           (unsigned long long)left);
    }
    if (!extended(reader, type, block + BLOCK, size, &st))
        st = member(reader, block, size, visit, context);
    uint64_t padded = (size + BLOCK - 1) / BLOCK * BLOCK;
    reader->at += BLOCK + (size_t)(padded < left ? padded : left);
    return st;
}

enum status tar_each(const uint8_t *data, size_t size,
                     enum status (*visit)(void *context, const struct tar_member *member),
                     void *context)
{
    struct reader reader = {.data = data, .size = size};
    enum status st = OK;
    while (!st && reader.size - reader.at >= BLOCK && !is_zero(data + reader.at))
        st = step(&reader, visit, context);
    if (!st && reader.size - reader.at > 0 && reader.size - reader.at < BLOCK)
        st = status_fail(ERR_FORMAT,
                         "tar: ends in the middle of a header: %zu bytes left at "
                         "byte %zu",
                         size - reader.at, reader.at);
    text_clear(&reader.name);
    text_clear(&reader.target);
    return st;
}
