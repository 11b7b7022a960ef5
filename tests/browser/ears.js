// Keeps what the call page plays: the stream of the one audio element through which everything is heard, recorded off the page's thread.
window.tarjumanEars = async (seconds) => {
  const element = document.querySelector('[data-testid=call-audio]')
  if (!element || !element.srcObject) throw new Error('the page has no sound')
  if (element.paused || element.muted) throw new Error('the page plays nothing')
  const recorder = new MediaRecorder(element.srcObject, { mimeType: 'audio/webm;codecs=opus', audioBitsPerSecond: 128000 })
  const pieces = []
  recorder.ondataavailable = (event) => pieces.push(event.data)
  const stopped = new Promise((resolve) => {
    recorder.onstop = resolve
  })
  recorder.start()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  recorder.stop()
  await stopped
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer())
  let text = ''
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768))
  return btoa(text)
}
