#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/ip.h"
#include "proxy/core/otlp_spans.h"
#include "proxy/io/upstream_question.h"
#include "proxy/model/service.h"

namespace hearth::proxy {

struct SpanDestination {
    std::optional<Endpoint> endpoint;  // nothing: its name does not resolve, and spans wait
    std::shared_ptr<const UpstreamSecurity> security;  // null: plain HTTP/1.1
    std::string host;                                  // as in Host
    std::string path;
};

// Sends spans to a collector (OTLP in JSON over HTTP) about once a second. They are gathered on a
// thread of its own; one that is slow or gone costs spans, which are counted, but never a request.
class SpanExporter {
public:
    // `ask`, on its thread: has a worker ask. `on_change`, on its thread: why nothing is sent;
    // empty: all is well again.
    SpanExporter(SpanResource resource, std::function<void(UpstreamAsk)> ask,
                 std::function<void(std::string fault)> on_change);
    ~SpanExporter();
    SpanExporter(const SpanExporter&) = delete;
    SpanExporter& operator=(const SpanExporter&) = delete;

    // Any thread.
    void send_to(SpanDestination collector);
    // Any thread. `spans`: as append_spans() has them.
    void add(std::string spans, std::size_t count);

    [[nodiscard]] std::uint64_t sent() const noexcept;
    [[nodiscard]] std::uint64_t dropped() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::proxy
