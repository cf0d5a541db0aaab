/* A contact sheet: pictures in rows and columns with names beside and above them. */
#pragma once

#include "base/image.h"

struct sheet {
    int columns, rows, cell_width, cell_height; /* of cells as they are shown */
    int scale; /* each pixel is shown so many times as wide and high: small pictures */
    struct image image;
};

/* For pictures of cell_width x cell_height; those below 96 pixels are enlarged as far as the
 * sheet's size allows. `name_width`: characters of the longest row name. */
enum status sheet_init(struct sheet *sheet, int columns, int rows, int cell_width,
                       int cell_height, int name_width);
/* Upper-case letters are shown as lower case, other signs as a blank. */
void sheet_name_row(struct sheet *sheet, int row, const char *name);
void sheet_name_column(struct sheet *sheet, int column, const char *name);
/* The picture is cut where it is larger than a cell. */
void sheet_put(struct sheet *sheet, int column, int row, const struct image *picture);
void sheet_clear(struct sheet *sheet);

/* A JPEG of quality 85 where the name ends in .jpg, else a PNG. */
enum status picture_write(const char *path, const struct image *image);
