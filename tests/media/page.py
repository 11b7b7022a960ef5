"""A browser page as a participant: the few lines of JavaScript that any client of the node needs, and what it measures."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Browser, Page

from media.protocol import PeerOffer

FLAGS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
_SCRIPT = """
async () => {
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio, video: true });
  const context = new AudioContext({ sampleRate: 48000 });
  const source = 'registerProcessor("keep", class extends AudioWorkletProcessor {' +
    ' process(inputs) { const c = inputs[0][0]; if (c) this.port.postMessage(c.slice()); return true } })';
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  let pc = null;
  const heard = {};
  const record = (mid, track) => {
    const node = new AudioWorkletNode(context, 'keep');
    heard[mid] = [];
    node.port.onmessage = (event) => { if (heard[mid].length < 3750) heard[mid].push(event.data) };
    context.createMediaStreamSource(new MediaStream([track])).connect(node);
    node.connect(context.destination);
  };
  window.take = async (sdp, fresh) => {
    if (fresh) {
      if (pc) pc.close();
      pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', ...window.ice });
      pc.ontrack = (event) => {
        const element = document.createElement(event.track.kind);
        Object.assign(element, { autoplay: true, muted: true, srcObject: new MediaStream([event.track]) });
        document.body.append(element);
        if (event.track.kind === 'audio') record(event.transceiver.mid, event.track);
      };
    }
    await pc.setRemoteDescription({ type: 'offer', sdp });
    for (const transceiver of pc.getTransceivers()) {
      const kind = { 0: 'audio', 1: 'video' }[transceiver.mid];
      if (kind && !transceiver.sender.track) {
        await transceiver.sender.replaceTrack(stream.getTracks().find((track) => track.kind === kind));
        transceiver.direction = 'sendonly';
      }
    }
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
  };
  window.forget = (mid) => { heard[mid] = [] };
  window.sound = (mid) => {
    const pieces = heard[mid] || [];
    const all = new Float32Array(pieces.length * 128);
    pieces.forEach((piece, index) => all.set(piece, index * 128));
    const bytes = new Uint8Array(all.buffer);
    let text = '';
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
  };
  window.figures = async () => {
    const found = { state: pc.connectionState, in: {}, out: {}, pairs: [], mine: {} };
    (await pc.getStats()).forEach((row) => {
      if (row.type === 'inbound-rtp') found.in[row.mid] = row;
      if (row.type === 'outbound-rtp') found.out[row.mid] = row;
      if (row.type === 'candidate-pair') found.pairs.push(row);
      if (row.type === 'transport') found.selected = row.selectedCandidatePairId;
      if (row.type === 'local-candidate') found.mine[row.id] = row;
    });
    return found;
  };
}
"""


class BrowserPerson:
    """One page in a context of its own."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.generation = 0

    @classmethod
    async def open(cls, browser: Browser, **ice: Any) -> BrowserPerson:
        """``ice``: more of ``RTCConfiguration``."""
        context = await browser.new_context()
        page = await context.new_page()
        await page.route("**/*", lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
        await page.goto("http://localhost:1/")
        await page.evaluate("ice => { window.ice = ice }", {"iceServers": [], **ice})
        await page.evaluate(_SCRIPT)
        return cls(page)

    async def take(self, offer: PeerOffer) -> str:
        fresh, self.generation = offer.generation != self.generation, offer.generation
        return str(await self.page.evaluate("([sdp, fresh]) => take(sdp, fresh)", [offer.sdp, fresh]))

    async def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.page.evaluate("figures()")
        return found

    async def until(self, condition: str, *, timeout: float = 45) -> None:
        """Waits until a JavaScript expression over ``f`` (the figures) holds.

        Not by Playwright's ``wait_for_function``: where it asks at intervals, it takes the promise of an async function for its truth.
        """
        script = f"async () => {{ const f = await figures(); return Boolean({condition}) }}"
        try:
            async with asyncio.timeout(timeout):
                while not await self.page.evaluate(script):  # noqa: ASYNC110 - a browser counts and tells nobody
                    await asyncio.sleep(0.05)
        except TimeoutError:
            counted = {
                mid: (row["packetsReceived"], row.get("framesDecoded"))
                for mid, row in (await self.figures())["in"].items()
            }
            raise AssertionError(
                f"not within {timeout} s: {condition}; packets and frames by m-line: {counted}"
            ) from None
