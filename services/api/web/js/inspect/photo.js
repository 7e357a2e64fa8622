// A photo, made small enough for a weak network before it is sent.
import { t } from "../i18n.js";
import { html, useRef, useState } from "../ui.js";

const MOST_PIXELS = 1600; // of the longer side: a plate can still be read
const QUALITY = 0.8;

function opened(file) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = reject;
    image.src = URL.createObjectURL(file);
  });
}

async function shrunk(file) {
  const image = await opened(file);
  const scale = Math.min(1, MOST_PIXELS / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.naturalWidth * scale);
  canvas.height = Math.round(image.naturalHeight * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return canvas.toDataURL("image/jpeg", QUALITY);
}

// `onWork` is told whether a photo is being made: a form that is sent meanwhile would be sent without it.
export function PhotoField({ photo, onPhoto, onWork }) {
  const [bad, setBad] = useState(false);
  const newest = useRef(null);
  const take = async (event) => {
    const [file] = event.target.files;
    newest.current = file;
    setBad(false);
    onWork(Boolean(file));
    const picture = file ? await shrunk(file).catch(() => null) : null;
    if (newest.current !== file) return; // another one was chosen meanwhile
    setBad(Boolean(file) && !picture);
    onWork(false);
    onPhoto(picture);
  };
  return html`<div class="inspect-photo">
    <label>
      ${t("inspect.photo")}
      <input type="file" accept="image/*" capture="environment" onChange=${take} />
    </label>
    ${bad && html`<p class="failure" role="alert">${t("inspect.no_photo")}</p>`}
    ${photo && html`<img src=${photo} alt=${t("inspect.photo")} />`}
  </div>`;
}
