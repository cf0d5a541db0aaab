#pragma once

#include "models/runtime/network.h"
#include "models/runtime/report.h"

/* model_report() for a network; totals and file_bytes are the caller's to fill. */
enum status report_network(struct network *network, const struct session_options *options,
                           double seconds, struct report *out);
