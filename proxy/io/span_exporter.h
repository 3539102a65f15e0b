#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/ip.h"
#include "proxy/core/otlp_spans.h"

namespace hearth::proxy {

// Sends spans to a collector (OTLP in JSON over HTTP), about once a second, on a thread of its own:
// one that is slow or gone costs spans, which are counted, but never a request.
class SpanExporter {
public:
    // `on_change`, on its thread: why nothing is sent; empty: all is well again.
    SpanExporter(SpanResource resource, std::function<void(std::string fault)> on_change);
    ~SpanExporter();
    SpanExporter(const SpanExporter&) = delete;
    SpanExporter& operator=(const SpanExporter&) = delete;

    // Any thread. Without an endpoint (its name does not resolve) spans wait.
    void send_to(std::optional<Endpoint> endpoint, std::string host, std::string path);
    // Any thread. `spans`: as append_spans() has them.
    void add(std::string spans, std::size_t count);

    [[nodiscard]] std::uint64_t sent() const noexcept;
    [[nodiscard]] std::uint64_t dropped() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::proxy
