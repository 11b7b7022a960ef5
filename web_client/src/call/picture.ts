/** Shows a track in a `<video>`: `{@attach picture(track)}`. Sound never comes from here. */
export const picture = (track: MediaStreamTrack) => (element: HTMLVideoElement) => {
  element.srcObject = new MediaStream([track])
  void element.play().catch(() => {
    // Muted pictures may always play; a refusal means that the element is already gone.
  })
  return () => {
    element.srcObject = null
  }
}
