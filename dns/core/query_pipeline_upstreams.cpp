#include "dns/core/query_pipeline.h"

// Between the pipeline and its upstreams, and what we ask of them ourselves.
namespace hearth::dns {

void QueryPipeline::on_datagram(const Snapshot& snapshot, Moment moment, UpstreamIndex upstream,
                                unsigned slot, ByteView packet) {
    begin(snapshot, moment);
    forward_.on_datagram(upstream, slot, packet, moment.now);
    end();
}

void QueryPipeline::on_stream_answer(const Snapshot& snapshot, Moment moment,
                                     std::uint64_t exchange, UpstreamIndex upstream,
                                     ByteView packet) {
    begin(snapshot, moment);
    forward_.on_stream_answer(exchange, upstream, packet, moment.now);
    end();
}

void QueryPipeline::on_stream_failure(const Snapshot& snapshot, Moment moment,
                                      std::uint64_t exchange, UpstreamIndex upstream) {
    begin(snapshot, moment);
    forward_.on_stream_failure(exchange, upstream, moment.now);
    end();
}

void QueryPipeline::on_resolved(const Snapshot& snapshot, Moment moment, std::uint64_t exchange,
                                UpstreamIndex upstream, const Resolution& resolution) {
    begin(snapshot, moment);
    forward_.on_resolved(exchange, upstream, resolution, moment.now);
    end();
}

void QueryPipeline::on_timer(const Snapshot& snapshot, Moment moment) {
    begin(snapshot, moment);
    forward_.on_timer(moment.now);
    end();
}

void QueryPipeline::send_udp(UpstreamIndex upstream, const Endpoint& endpoint, unsigned slot,
                             ByteView question) {
    actions_.send_udp(upstream, endpoint, slot, question);
}

void QueryPipeline::ask_stream(std::uint64_t exchange, UpstreamIndex upstream,
                               const UpstreamServer& server, ByteView question) {
    actions_.ask_stream(exchange, upstream, server, question);
}

void QueryPipeline::resolve(std::uint64_t exchange, UpstreamIndex upstream,
                            const UpstreamServer& server, const ForwardQuestion& question) {
    actions_.resolve(exchange, upstream, server, question);
}

void QueryPipeline::run_errand(const Snapshot& snapshot, Moment moment, std::uint64_t errand,
                               std::uint16_t group, const QueryView& query) {
    begin(snapshot, moment);
    AskedQuestion asked = AskedQuestion::over_tcp(query);
    asked.options = {};
    Waiter waiter({}, asked, query.qname, moment.now);
    waiter.errand = errand;
    const ForwardQuestion question{query.qname, query.qtype, asked.dnssec_ok, true, group};
    if (group < snapshot.groups.size() && !snapshot.groups[group].servers.empty()) {
        const UpstreamGroup& servers = snapshot.groups[group];
        (void)forward_.ask(question, servers.servers, servers.strategy, waiter, moment.now);
    } else {
        end_errand(waiter, {});
    }
    end();
}

void QueryPipeline::end_errand(const Waiter& waiter, const ForwardOutcome& outcome) {
    const AskedQuestion asked = waiter.view();
    const ByteSpan out(buffer_);
    if (outcome.result == ForwardResult::kAnswered)
        return actions_.errand_done(
            waiter.errand,
            ByteView(out).first(
                write_image(out, asked, image_of(outcome.packet, *outcome.answer), 0, UINT32_MAX)));
    ResponseWriter writer(out, asked, Rcode::kServFail, Authority::kRecursive);
    actions_.errand_done(waiter.errand, ByteView(out).first(writer.finish()));
}

}  // namespace hearth::dns
