// What Airflow's page hands over to its plugins, as far as it is used here.

declare module "*.css" {
  const text: string;
  export default text;
}

declare module "react-router-dom" {
  import type { AnchorHTMLAttributes, ReactElement } from "react";

  export function Link(props: AnchorHTMLAttributes<HTMLAnchorElement> & { to: string }): ReactElement;
  export function useNavigate(): (to: string) => void;
  export function useSearchParams(): [
    URLSearchParams,
    (next: URLSearchParams, options?: { replace?: boolean }) => void,
  ];
}

// Airflow takes the component of an app from here, once its file has run.
declare var AirflowPlugin: unknown;
