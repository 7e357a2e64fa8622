// A photo, made small enough for a weak network before it is sent.
import { t } from "../i18n.js";
import { html, useState } from "../ui.js";

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

export function PhotoField({ photo, onPhoto }) {
  const [bad, setBad] = useState(false);
  const take = (event) => {
    const [file] = event.target.files;
    setBad(false);
    if (!file) return onPhoto(null);
    return shrunk(file).then(onPhoto, () => {
      setBad(true);
      onPhoto(null);
    });
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
