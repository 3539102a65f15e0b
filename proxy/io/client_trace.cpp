// The part of ClientRequest that makes it known in the logs and traces of others.

#include "proxy/core/header_edits.h"
#include "proxy/core/trace_context.h"
#include "proxy/io/client_request.h"

namespace hearth::proxy {

// Goes on with the client's trace where it may say so, or begins one; the upstream is told.
void ClientRequest::join_trace(RequestHead& head) {
    ActiveExchange& active = *active_;
    const Tracing& tracing = active.generation->snapshot->tracing;
    RequestTrace& trace = active.trace;
    trace.parent_span = 0;
    const auto parent = is_trusted(who_.address, tracing.continue_from)
                            ? traceparent_of(head.headers)
                            : std::nullopt;
    if (parent) {
        trace.context = *parent;
        trace.parent_span = parent->span;
    } else {
        trace.context.trace = worker_.trace_ids.next_trace();
        trace.context.sampling = worker_.trace_ids.sample(tracing.sample);
        remove_field(head.headers, "tracestate");  // it belongs to its traceparent
    }
    trace.server_span = worker_.trace_ids.next_span();
    trace.context.span = worker_.trace_ids.next_span();
    active.record.trace = trace.context.trace;
    remove_field(head.headers, "traceparent");
    active.traceparent = write_traceparent(trace.context);
    const std::string_view text(active.traceparent.data(), active.traceparent.size());
    if (!head.headers.full()) head.headers.add({"traceparent", text, HeaderId::kOwn});
}

// By which logs know it and people can ask for it.
void ClientRequest::give_id() {
    AccessRecord& record = active_->record;
    if (!record.trace.is_set()) record.trace = worker_.trace_ids.next_trace();
}

bool ClientRequest::is_recorded() const noexcept {
    const ActiveExchange& active = *active_;
    return active.trace.server_span != 0 && active.trace.context.sampling == Sampling::kRecorded &&
           active.generation->snapshot->tracing.use == Tracing::Use::kSpans;
}

void ClientRequest::record_spans() {
    const ActiveExchange& active = *active_;
    const std::string_view scheme = who_.security == Security::kTls ? "https" : "http";
    worker_.keep_spans(active.record, active.trace, {scheme, active.route, {}});
}

}  // namespace hearth::proxy
