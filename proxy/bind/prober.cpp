#include "proxy/bind/prober.h"

#include <utility>

#include "proxy/core/grpc_health.h"
#include "proxy/core/http1_question.h"
#include "runtime/event_loop.h"

namespace hearth::proxy {

void Prober::probe(const Endpoint& endpoint, const std::optional<UpstreamSecurity>& security,
                   const ProbeRequest& request, Duration timeout,
                   std::function<void(const ProbeResult&)> done) {
    const bool is_plain = !security || security->protocol == UpstreamProtocol::kHttp;
    const bool connects_only = request.path.empty() && !request.grpc;
    const bool is_secure = !is_plain && security->protocol == UpstreamProtocol::kHttps;
    if (is_plain || (connects_only && !is_secure))
        return probe_upstream(loop_, endpoint, request, timeout, std::move(done));
    UpstreamAsk ask;
    // Others have no part in a connection that begins with a header of its own.
    const auto needs = request.preamble.empty() || request.grpc ? UpstreamTarget::Needs::kAny
                                                                : UpstreamTarget::Needs::kHttp1;
    ask.target = {endpoint, std::make_shared<const UpstreamSecurity>(*security), needs,
                  request.preamble};
    if (request.grpc) {
        ask.text = grpc_health_head(request.host, *request.grpc);
        ask.body = grpc_health_message(*request.grpc);
    } else if (!connects_only) {
        ask.text = probe_question(request.host, request.path);
    }
    ask.timeout = timeout;
    ask.connection = UpstreamAsk::Connection::kNew;
    const bool is_grpc = request.grpc.has_value();
    ask.done = [this, is_grpc, done = std::move(done)](const UpstreamAnswer& answer) {
        ProbeResult result{
            answer.error, answer.said.status, {}, answer.connected_after, answer.answered_after};
        if (is_grpc && !answer.error.failed()) result.grpc_fault = grpc_health_fault(answer.said);
        loop_.post([done, result] { done(result); });
    };
    ask_(std::move(ask));
}

}  // namespace hearth::proxy
