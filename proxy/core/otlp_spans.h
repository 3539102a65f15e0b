#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.h"
#include "proxy/model/access_record.h"
#include "proxy/model/trace.h"

// Spans as OTLP/HTTP has them in JSON, with the attributes of OpenTelemetry's semantic conventions
// for HTTP.
namespace hearth::proxy {

// What a record does not say of its request.
struct SpanContext {
    std::string_view scheme;  // "https"
    std::string_view route;   // the path that led to the service; empty: its host did
    WallTime ended;
};

// Appends one span for the client's request, behind it one for the question upstream if there was
// any, each with a comma after it; returns how many.
[[nodiscard]] std::size_t append_spans(std::string& out, const AccessRecord& record,
                                       const RequestTrace& trace, const SpanContext& context);

// Who tells.
struct SpanResource {
    std::string node;
    std::string version;
};

// The body of a request to a collector. `spans`: as append_spans() made them.
[[nodiscard]] std::string spans_message(const SpanResource& resource, std::string_view spans);

}  // namespace hearth::proxy
