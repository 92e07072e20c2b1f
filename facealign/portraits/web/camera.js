// Takes a photo with the camera, which is on only while its picture is shown.

const WANTED = { video: { width: { ideal: 1920 }, height: { ideal: 1080 }, facingMode: "user" } };
const FAULTS = {
  NotAllowedError: "it was not allowed; the browser's settings of this site can allow it",
  NotFoundError: "there is none",
  NotReadableError: "another program uses it, or it is broken",
};

/** Makes the buttons work: `begin` is given the photo, `complain` one line if there is none. */
export function prepareCamera(begin, complain) {
  const [open, viewer, video, take, close] = ["open", "viewer", "video", "take", "close"]
    .map((id) => document.getElementById(id));
  let stream = null;

  function stop() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = video.srcObject = null;
    viewer.hidden = true;
    open.disabled = false;
  }

  open.onclick = async () => {
    open.disabled = true; // one camera at a time
    try {
      if (!navigator.mediaDevices) throw new Error("browsers want https for it");
      stream = await navigator.mediaDevices.getUserMedia(WANTED);
      stream.getVideoTracks()[0].onended = () => { stop(); complain("The camera stopped."); };
      video.srcObject = stream;
      [viewer.hidden, take.disabled] = [false, true];
      await video.play();
      take.disabled = false;
      take.focus();
    } catch (error) {
      if (!stream && error.name === "AbortError") return; // closed before its first picture
      stop();
      complain(`No photo from the camera: ${FAULTS[error.name] ?? error.message}.`);
    }
  };
  take.onclick = () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob(begin, "image/png");
    stop();
    open.focus();
  };
  close.onclick = () => {
    stop();
    open.focus();
  };
  open.disabled = false;
}
