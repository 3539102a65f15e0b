"""Rounds of pairs: Hearth and one peer, one right after the other, in an order that turns about from round to round.

What the machine does besides changes slowly against a pair, and hits whoever it likes: were both alike, each would be the
better one of a pair as often as the other. That is all that the bounds in the report take for granted.
"""

from collections.abc import Callable, Collection, Sequence

from bench.proxy_servers import ProxyServer

Figures = dict[str, float]
SELDOM = 3  # one round of so many for peers to whom nothing is promised


class Rounds:
    """What was measured of each server, pair by pair; of `rivals` in every round."""

    def __init__(self, ours: ProxyServer, peers: Sequence[ProxyServer], rounds: int, rivals: Collection[str],
                 measure: Callable[[ProxyServer], Figures]) -> None:
        self._ours = ours.name
        self._pairs: dict[str, list[tuple[Figures, Figures]]] = {peer.name: [] for peer in peers}
        for number in range(rounds):
            for peer in peers:
                if peer.name not in rivals and number % SELDOM != 0:
                    continue
                order = (ours, peer) if number % 2 == 0 else (peer, ours)
                found = {server.name: measure(server) for server in order}
                self._pairs[peer.name].append((found[ours.name], found[peer.name]))

    def values(self, figure: str) -> dict[str, list[float]]:
        """All that was measured of each, Hearth first."""
        ours = [our[figure] for pairs in self._pairs.values() for our, _ in pairs]
        return {self._ours: ours, **{peer: [their[figure] for _, their in pairs] for peer, pairs in self._pairs.items()}}

    def ratios(self, figure: str) -> dict[str, list[float]]:
        """How many times ours each peer's was, pair by pair."""
        return {peer: [their[figure] / our[figure] for our, their in pairs] for peer, pairs in self._pairs.items()}
